"""How files state what the codes of a gain map mean: read and written.

hdrgm   XMP in the map's picture (Google's Ultra HDR 1.1, "XMP attributes"; Adobe's Gain Map 1.0)
iso     binary (ISO 21496-1, annex C.2), in JPEG an APP2 segment that opens with `ISO_PREFIX`
apple   rationals 33 and 48 in the maker note, or HDRGainMapHeadroom in the XMP of the map's picture
"""

import struct
from collections.abc import Iterator
from xml.etree import ElementTree

from wideopen.gain.gain_map import GainRange

ISO_PREFIX = b"urn:iso:std:iso:ts:21496:-1\0"
ISO_VERSION = bytes(4)
"""What follows the prefix in the main picture: minimum version and writer's version, both 0."""
HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_THREE, _BACKWARD, _COMMON = 0x80, 0x04, 0x08
_DENOMINATOR = 1_000_000
_APPLE = b"Apple iOS\0"


def hdrgm_range(packets: list[ElementTree.Element]) -> GainRange | None:
    """What XMP packets say; None if they say nothing of a gain map.

    Raises ValueError: it makes no sense.
    """
    said: dict[str, list[str]] = {}
    for name, values in (pair for packet in packets for pair in _properties(packet)):
        said[name] = values
    if "GainMapMax" not in said:
        return None

    def numbers(name: str, default: float) -> tuple[float, ...]:
        found = tuple(float(value) for value in said.get(name, [str(default)]))
        if len(found) not in (1, 3):
            raise ValueError(f"a gain map with {len(found)} values of {name}")
        return found

    most = numbers("GainMapMax", 1.0)
    return GainRange(
        numbers("GainMapMin", 0.0),
        most,
        numbers("Gamma", 1.0),
        numbers("OffsetSDR", 1 / 64),
        numbers("OffsetHDR", 1 / 64),
        (numbers("HDRCapacityMin", 0.0)[0], numbers("HDRCapacityMax", max(most))[0]),
        said.get("BaseRenditionIsHDR", ["False"])[0].lower() == "true",
    )


def _properties(packet: ElementTree.Element) -> Iterator[tuple[str, list[str]]]:
    prefix = f"{{{HDRGM}}}"
    for element in packet.iter():
        for key, value in element.attrib.items():
            if key.startswith(prefix):
                yield key.removeprefix(prefix), [value.strip()]
        if element.tag.startswith(prefix):
            several = [(item.text or "").strip() for item in element.iter(f"{_RDF}li")]
            yield element.tag.removeprefix(prefix), several or [(element.text or "").strip()]


def hdrgm_packet(meaning: GainRange) -> bytes:
    """The XMP packet of a map's picture."""
    names = {
        "GainMapMin": meaning.minimum,
        "GainMapMax": meaning.maximum,
        "Gamma": meaning.gamma,
        "OffsetSDR": meaning.offset_sdr,
        "OffsetHDR": meaning.offset_hdr,
        "HDRCapacityMin": meaning.capacity[:1],
        "HDRCapacityMax": meaning.capacity[1:],
    }
    single = "".join(f' hdrgm:{name}="{value[0]:.9g}"' for name, value in names.items() if len(value) == 1)
    several = "".join(
        f"<hdrgm:{name}><rdf:Seq>{''.join(f'<rdf:li>{each:.9g}</rdf:li>' for each in value)}</rdf:Seq></hdrgm:{name}>"
        for name, value in names.items()
        if len(value) == 3
    )
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:hdrgm="{HDRGM}" hdrgm:Version="1.0"'
        f' hdrgm:BaseRenditionIsHDR="{meaning.base_is_hdr}"{single}>{several}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def iso_range(body: bytes) -> GainRange | None:
    """What binary metadata, without `ISO_PREFIX`, says; None if it is no more than a version.

    Raises ValueError: it is cut short, or makes no sense.
    """
    if len(body) <= len(ISO_VERSION):
        return None
    try:
        least, _, flags = struct.unpack_from(">HHB", body)
        if least > 0:
            raise ValueError(f"a gain map of version {least}, which is not known")
        channels, at = 3 if flags & _THREE else 1, 5
        count = 2 + 5 * channels
        if flags & _COMMON:
            (below,) = struct.unpack_from(">I", body, at)
            above, each = struct.unpack_from(f">{count}I", body, at + 4), (below,) * count
        else:
            pairs = struct.unpack_from(f">{2 * count}I", body, at)
            above, each = pairs[::2], pairs[1::2]
    except struct.error:
        raise ValueError("a gain map whose metadata is cut short") from None
    if 0 in each:
        raise ValueError("a gain map whose metadata divides by zero")
    # Of the five numbers of a channel all but gamma have a sign.
    signed = [False, False, *([True, True, False, True, True] * channels)]
    values = [
        (top - (1 << 32) if has_sign and top >= 1 << 31 else top) / bottom
        for top, bottom, has_sign in zip(above, each, signed, strict=True)
    ]
    base, other = values[:2]
    columns = [tuple(values[2 + index :: 5]) for index in range(5)]
    backward = bool(flags & _BACKWARD) or other < base
    low, high, gamma, of_base, of_other = columns
    offsets = (of_other, of_base) if backward else (of_base, of_other)
    return GainRange(low, high, gamma, *offsets, (min(base, other), max(base, other)), backward)


def iso_metadata(meaning: GainRange) -> bytes:
    """Binary metadata, without `ISO_PREFIX`, of a map in the colours of the main picture."""
    columns = [meaning.minimum, meaning.maximum, meaning.gamma, meaning.offset_sdr, meaning.offset_hdr]
    headrooms = meaning.capacity
    if meaning.base_is_hdr:
        columns[3:], headrooms = columns[:2:-1], headrooms[::-1]
    channels = max(len(column) for column in columns)
    numbers = [*headrooms, *(column[index % len(column)] for index in range(channels) for column in columns)]
    pairs = (part for number in numbers for part in (round(number * _DENOMINATOR), _DENOMINATOR))
    flags = (_THREE if channels == 3 else 0) | 0x40
    return ISO_VERSION + bytes([flags]) + b"".join(struct.pack(">i", part) for part in pairs)


def apple_headroom(maker_note: bytes) -> float | None:
    """Headroom by Apple's maker note, a factor; None if the note does not say, or is another maker's.

    Phones before iOS 17 may write tag 33 alone; 48 is then taken to be 0.
    """
    first, second = _rational(maker_note, 33), _rational(maker_note, 48) or 0.0
    if first is None:
        return None
    if first < 1:
        stops = -20 * second + 1.8 if second <= 0.01 else -0.101 * second + 1.601
    else:
        stops = -70 * second + 3 if second <= 0.01 else -0.303 * second + 2.303
    return float(2 ** max(stops, 0.0))


def _rational(note: bytes, wanted: int) -> float | None:
    """A signed rational of Apple's note: after its name and version an order mark and one directory."""
    order = {b"MM": ">", b"II": "<"}.get(note[12:14])
    if not note.startswith(_APPLE) or order is None:
        return None
    try:
        (count,) = struct.unpack_from(order + "H", note, 14)
        for index in range(count):
            tag, kind, number, start = struct.unpack_from(order + "HHII", note, 16 + 12 * index)
            if tag == wanted and kind in (5, 10) and number == 1:
                above, below = struct.unpack_from(order + ("ii" if kind == 10 else "II"), note, start)
                return above / below if below else None
    except struct.error:
        pass
    return None
