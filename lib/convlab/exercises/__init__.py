"""The exercises: `engine` checks them, `lesson_NN` holds those of one lesson, `progress` remembers them."""
