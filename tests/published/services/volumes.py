"""Write volumes whose content is known: boxes of 500 on a ground of 10, as NIfTI and as DICOM."""

import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

#: z, y, x of each box, end excluded: 1,000, 120 and 1 voxels.
BOXES = (((2, 12), (5, 15), (5, 15)), ((13, 15), (20, 26), (1, 11)), ((0, 1), (0, 1), (0, 1)))
#: x, y, z in mm.
SPACING = (0.5, 0.5, 2.0)


def volume():
    """Return the volume: 16 slices of 32 by 40 pixels."""
    array = np.full((16, 40, 32), 10, np.uint16)
    for z, y, x in BOXES:
        array[slice(*z), slice(*y), slice(*x)] = 500
    return array


def write_nifti(path):
    """Write it as one file."""
    image = sitk.GetImageFromArray(volume())
    image.SetSpacing(SPACING)
    sitk.WriteImage(image, path)


def write_series(folder):
    """Write it as a DICOM series, a file a slice."""
    folder.mkdir(parents=True)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for number, pixels in enumerate(volume()):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = str(folder / f"{number:03}.dcm")
        data = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
        data.is_little_endian, data.is_implicit_VR = True, False
        data.SOPClassUID = CTImageStorage
        data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID = study, series
        data.FrameOfReferenceUID = frame
        data.Modality, data.PatientName, data.PatientID = "CT", "Phantom", "1"
        data.PatientBirthDate = data.PatientSex = data.StudyID = data.AccessionNumber = ""
        data.StudyDate, data.StudyTime = "20260101", "120000"
        data.SeriesNumber, data.InstanceNumber = 1, number + 1
        data.ImagePositionPatient = [0, 0, number * SPACING[2]]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness = [SPACING[1], SPACING[0]], SPACING[2]
        data.Rows, data.Columns = pixels.shape
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated = data.BitsStored = 16
        data.HighBit, data.PixelRepresentation = 15, 0
        data.RescaleIntercept, data.RescaleSlope = 0, 1
        data.PixelData = pixels.tobytes()
        data.save_as(path)


if __name__ == "__main__":
    write_nifti(str(Path(sys.argv[1], "volume.nii.gz")))
    write_series(Path(sys.argv[1], "series"))
