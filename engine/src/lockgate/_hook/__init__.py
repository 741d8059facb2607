"""The mark that makes a function a hook spec, and the versions of the hook API."""
