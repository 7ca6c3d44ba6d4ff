"""Train, choose, measure and export the segment encoder that the package ships."""
