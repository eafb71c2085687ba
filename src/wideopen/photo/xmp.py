"""What an XMP packet says that is no longer true of a photo written again; all else stays, byte for byte.

Taken out: what speaks of things appended to the file or packed into the packet (the film of a motion photo, a gain map,
a depth map, the picture before it was refocused, thumbnails). Packets are changed as text: an XML library would write
the rest in words of its own. Sources: Adobe's XMP Specification part 3, 1.1.3 (extended packets); Google's Motion
Photo 1.0, Dynamic Depth 1.0, Ultra HDR 1.1, GDepth.
"""

import hashlib
import re

_GOOGLE = rb"http://ns\.google\.com/photos/"
_GONE = {
    _GOOGLE + rb"1\.0/camera/": rb"(?:MotionPhoto\w*|MicroVideo\w*)",
    _GOOGLE + rb"1\.0/container/": rb"\w+",
    _GOOGLE + rb"1\.0/container/item/": rb"\w+",
    _GOOGLE + rb"1\.0/depthmap/": rb"\w+",
    _GOOGLE + rb"1\.0/focus/": rb"\w+",
    _GOOGLE + rb"1\.0/image/": rb"\w+",
    _GOOGLE + rb"dd/1\.0/\w+/": rb"\w+",
    rb"http://ns\.adobe\.com/hdr-gain-map/1\.0/": rb"\w+",
    rb"http://ns\.adobe\.com/xap/1\.0/": rb"Thumbnails",
    rb"http://ns\.adobe\.com/xmp/note/": rb"HasExtendedXMP",
}
_VALUE = rb"(?:\"[^\"]*\"|'[^']*')"
_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))[2-8]")
_SOFTWARE = re.compile(rb"((?:xmp:CreatorTool|tiff:Software)\s*=\s*[\"'])[^<\"']*")
_SOFTWARE_ELEMENT = re.compile(rb"(<(?:xmp:CreatorTool|tiff:Software)\s*>)[^<]*")
_PAIRS = (b"tiff:ImageWidth", b"tiff:ImageLength"), (b"exif:PixelXDimension", b"exif:PixelYDimension")
_OTHER_SIDE = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
_SIDES = re.compile(rb"\b(?:" + b"|".join(_OTHER_SIDE) + rb")\b")
_DESCRIPTION = re.compile(rb"<rdf:Description(?=[\s/>])[^<>]*>")
_EMPTY = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
)
_FRAME = re.compile(rb"</?(?:rdf:Description|rdf:RDF|x:xmpmeta)(?=[\s/>])[^<>]*>")
_PROPERTY = re.compile(rb"\s(?!xmlns[:=]|rdf:about|x:xmptk)[\w-]+:[\w-]+\s*=")
_MOST_PREFIXES = 4


def make_true(packet: bytes, turn: int = 1) -> bytes:
    """The packet of a photo that was turned upright and is written without what was appended to it.

    Args:
        packet: may be empty or damaged.
        turn: the orientation it had, 1..8.
    """
    packet = _ORIENTATION.sub(rb"\g<1>1", packet)
    if turn in (5, 6, 7, 8):
        packet = _SIDES.sub(lambda found: _OTHER_SIDE[found[0]], packet)
    emptied: dict[bytes, bytes] = {}
    for namespace, names in _GONE.items():
        prefixes = re.findall(rb"xmlns:([\w-]+)=[\"']" + namespace + rb"[\"']", packet)
        for prefix in list(dict.fromkeys(prefixes))[:_MOST_PREFIXES]:
            left = _without(packet, re.escape(prefix) + rb":" + names)
            if left != packet:
                packet, emptied[prefix] = left, namespace
    for prefix, namespace in emptied.items():
        # Chromium looks for what is said of a gain map where its namespace is declared first.
        if not re.search(rb"[<\s]" + re.escape(prefix) + rb":", packet):
            packet = re.sub(rb"\sxmlns:" + re.escape(prefix) + rb"=[\"']" + namespace + rb"[\"']", b"", packet)
    return packet


def sign(packet: bytes, software: str) -> bytes:
    """Name the software that wrote a photo where the packet names one."""
    name = re.sub(rb"[<>&\"'\\]", b"", software.encode())
    return _SOFTWARE_ELEMENT.sub(rb"\g<1>" + name, _SOFTWARE.sub(rb"\g<1>" + name, packet))


def says_anything(packet: bytes) -> bool:
    """Whether a packet has any property left."""
    frames = b"\n".join(_FRAME.findall(packet))
    return bool(_PROPERTY.search(frames) or re.search(rb"<\w", _FRAME.sub(b"", packet)))


def with_properties(packet: bytes, prefix: str, namespace: str, values: dict[str, str]) -> bytes:
    """The packet, or a new one if it is empty or no RDF, with simple properties of one namespace added."""
    if not _DESCRIPTION.search(packet):
        packet = _EMPTY
    said = "".join(f' {prefix}:{name}="{value}"' for name, value in values.items())

    def add(found: re.Match[bytes]) -> bytes:
        known = f"xmlns:{prefix}=".encode() in found[0]
        declared = "" if known else f' xmlns:{prefix}="{namespace}"'
        return b"<rdf:Description" + (declared + said).encode() + found[0].removeprefix(b"<rdf:Description")

    return _DESCRIPTION.sub(add, packet, count=1)


def with_description(packet: bytes, attributes: str, body: str) -> bytes:
    """The packet, or a new one if it is empty or no RDF, with a description of its own added behind the others."""
    end = packet.rfind(b"</rdf:RDF>")
    if end < 0:
        packet = _EMPTY
        end = packet.rfind(b"</rdf:RDF>")
    added = f'<rdf:Description rdf:about="" {attributes}>{body}</rdf:Description>'
    return packet[:end] + added.encode() + packet[end:]


def unwrapped(packet: bytes) -> bytes:
    """Without the processing instructions around it, which have no place in an extension."""
    return re.sub(rb"<\?xpacket[^<>]*\?>", b"", packet).strip()


def extension_guid(extension: bytes) -> str:
    """By which a packet names the one that extends it."""
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper()


def _without(packet: bytes, name: bytes) -> bytes:
    """Without properties of these names, written as elements or as attributes; in one pass, whatever the packet."""
    kept, at = [], 0
    unclosed: set[bytes] = set()
    for opening in re.finditer(rb"<(" + name + rb")(?=[\s/>])[^<>]*>", packet):
        if opening.start() < at:
            continue
        end = opening.end()
        if not opening[0].endswith(b"/>"):
            close = b"</" + opening[1]
            found = -1 if close in unclosed else packet.find(close, end)
            end = packet.find(b">", found) + 1 if found >= 0 else 0
            if end == 0:
                unclosed.add(close)
                continue
        kept.append(packet[at : opening.start()])
        at = end
    packet = b"".join([*kept, packet[at:]])
    return re.sub(rb"\s" + name + rb"\s*=\s*" + _VALUE, b"", packet)
