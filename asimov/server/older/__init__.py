"""What programs read under ``/api/v1`` of the published asimov 0.8.0, at the same addresses.

The forms were recorded from that version. Nothing that was published calls them but what people
wrote for themselves, so reading is all there is; changes go to ``/v1``, where each is made once.
"""
