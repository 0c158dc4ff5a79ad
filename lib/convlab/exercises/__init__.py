"""The exercises of each lesson, in `lesson_NN`, with their checks, hints and solutions.

`exercise` says what an exercise is, `judging` whether an answer is right, `mistakes` what is wrong with it,
`relating` how it relates to the right answer as a whole (rounded, transposed, too large by 1).
`record` and `progress` hold and show what a learner has solved; `catalogue` lists all exercises.
"""
