"""What the lessons import: one room per question, each opened by name (`from convlab import shapes`)."""
