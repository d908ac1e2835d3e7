"""DICOM series that come over the network, and go. It needs the extra ``asimov[dicom]``.

A process of its own listens and asks, so that a slow peer holds up nobody.
"""
