"""What a teacher uses with a class: a poll on phones, cards to learn, a concept test and its statistics."""
