"""What belongs to the notebook itself: widgets, TensorBoard, a quiet TensorFlow, a check of the machine."""
