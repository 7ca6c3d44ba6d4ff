"""What other people's files say about a recording: credits, preferences, licences, opt-outs.

One file per format, each a pure parser from bytes or text to a typed value, and a function that turns the
value into an `Imported` registry with consent records. A signal is a claim with a source: nothing here
decides whether it binds anybody.
"""
