"""Segmentation by threshold and connected components, written as a service module for PlatiPy."""

import logging
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813  (its usual name)
from platipy.backend import DataObject, app, celery  # noqa: F401

logger = logging.getLogger(__name__)

defaults = {"lower": 100, "upper": 1000, "keep": 2, "names": {"prefix": "blob"}}


def read(data_object):
    """Return the image of a data object: of a file, or of a folder with a DICOM series."""
    if data_object.type == "DICOM":
        return sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(data_object.path))
    return sitk.ReadImage(data_object.path)


@app.register("Blob Segmentation", default_settings=defaults)
def segment(data_objects, working_dir, settings):
    """Write a mask for each of the largest connected regions between two values."""
    made = []
    for each in data_objects:
        image = read(each)
        within = sitk.BinaryThreshold(image, settings["lower"], settings["upper"], 1, 0)
        labels = sitk.RelabelComponent(sitk.ConnectedComponent(within))
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.Execute(labels)
        logger.info("%s: %d regions", each.path, shape.GetNumberOfLabels())
        for label in list(shape.GetLabels())[: settings["keep"]]:
            name = f"{settings['names']['prefix']}-{label}.nii.gz"
            path = str(Path(working_dir, name))
            sitk.WriteImage(sitk.Cast(labels == label, sitk.sitkUInt8), path)
            found = {
                "voxels": shape.GetNumberOfPixels(label),
                "volume": shape.GetPhysicalSize(label),  # mm^3
            }
            made.append(DataObject(type="FILE", path=path, parent=each, meta_data=found))
    return made


@app.register("Mask Series")
def mask(data_objects, working_dir):
    """Write a DICOM series in which all voxels outside a mask are 0."""
    series, region = data_objects
    image = sitk.GetArrayFromImage(read(region))
    folder = Path(working_dir, "masked")
    folder.mkdir()
    uid = pydicom.uid.generate_uid()
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(series.path)
    for number, name in enumerate(names):
        slice_ = pydicom.dcmread(name)
        pixels = np.where(image[number] > 0, slice_.pixel_array, 0).astype(np.uint16)
        slice_.PixelData = pixels.tobytes()
        slice_.SeriesInstanceUID = uid
        slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = (
            pydicom.uid.generate_uid()
        )
        slice_.save_as(folder / f"{number:03}.dcm")
    return [DataObject(type="DICOM", path=str(folder), parent=series, series_instance_uid=uid)]


if __name__ == "__main__":
    app.run(
        debug=True,
        host="0.0.0.0",
        port=8000,
        dicom_listener_port=7777,
        dicom_listener_aetitle="BLOBS",
    )
