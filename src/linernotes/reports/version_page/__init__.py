"""One page that shows, plays and weighs what two recordings share."""
