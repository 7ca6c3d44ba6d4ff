"""`siblings`: a posterior over the effect of leaving items out, from short fine-tunings and gradients."""
