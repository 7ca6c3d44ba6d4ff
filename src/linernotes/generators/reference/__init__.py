"""The reference generator: a small text-conditional flow-matching transformer, trained in minutes on a CPU."""
