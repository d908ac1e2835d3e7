"""A package, so that fixtures of the scope ``package`` end with these tests, their plugins too."""
