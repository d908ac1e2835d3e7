"""DICOM image series, fetched, received and sent over the network; needs ``asimov[dicom]``.

A process of its own listens and asks, so that a slow peer holds up nobody.
"""
