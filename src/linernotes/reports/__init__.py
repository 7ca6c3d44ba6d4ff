"""Pages for people, made from evidence alone: the dossier, with its facts as JSON beside it."""
