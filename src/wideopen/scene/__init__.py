"""What is where in a photo: a matte of the subject and a disparity of everything else, from any source."""
