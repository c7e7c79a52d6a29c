"""What a lesson's check file is written in: exercises, inputs, truth, mistakes, loops."""
