"""Media sources and what a client can do with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from .inputs import Body
from .items import Item, Stream
from .schema.identifiers import md5_guid
from .schema.kinds import StreamType
from .wire import TICKS_PER_SECOND, Json

# What a stream is transcoded to when the client sets no limit; Jellyfin's own default for stereo AAC.
AUDIO_BITRATE = 128_000
DEFAULT_BITRATE = 8_000_000
_KINDS = {StreamType.AUDIO: "Audio", StreamType.VIDEO: "Video", StreamType.SUBTITLE: "Subtitle"}


def stream_dto(stream: Stream) -> dict[str, Json]:
    """Jellyfin's MediaStream."""
    return {
        "Codec": stream.codec,
        "Language": stream.language,
        "Title": stream.title,
        "DisplayTitle": " - ".join(p for p in (stream.title, stream.language, stream.codec) if p),
        "Type": _KINDS.get(StreamType(stream.kind)),
        "Index": stream.index,
        "IsDefault": stream.is_default,
        "IsForced": stream.is_forced,
        "IsExternal": stream.is_external,
        "IsTextSubtitleStream": stream.kind == StreamType.SUBTITLE,
        "SupportsExternalStream": stream.kind == StreamType.SUBTITLE,
        "Width": stream.width,
        "Height": stream.height,
        "AverageFrameRate": stream.frame_rate,
        "RealFrameRate": stream.frame_rate,
        "BitRate": stream.bitrate,
        "Channels": stream.channels,
        "ChannelLayout": stream.channel_layout,
        "SampleRate": stream.sample_rate,
        "Profile": stream.profile,
        "Level": stream.level,
        "PixelFormat": stream.pixel_format,
        "Protocol": "File",
    }


def media_source(item: Item, streams: Sequence[Stream]) -> dict[str, Json]:
    """Jellyfin's MediaSourceInfo of a file, everything allowed."""
    first_audio = next((s.index for s in streams if s.kind == StreamType.AUDIO), None)
    return {
        "Protocol": "File",
        "Id": item.id,
        "Path": item.path,
        "Type": "Default",
        "Container": item.container,
        "Size": item.size,
        "Name": item.name,
        "IsRemote": False,
        "ETag": md5_guid(item.path or "").hex,
        "RunTimeTicks": item.runtime,
        "ReadAtNativeFramerate": False,
        "SupportsTranscoding": True,
        "SupportsDirectStream": True,
        "SupportsDirectPlay": True,
        "SupportsProbing": True,
        "IsInfiniteStream": False,
        "RequiresOpening": False,
        "RequiresClosing": False,
        "RequiresLooping": False,
        "VideoType": "VideoFile",
        "MediaStreams": [stream_dto(stream) for stream in streams],
        "MediaAttachments": [],
        "Formats": [],
        "Bitrate": bitrate(item),
        "RequiredHttpHeaders": {},
        "DefaultAudioStreamIndex": first_audio,
        "HasSegments": False,
    }


def bitrate(item: Item) -> int | None:
    """Bits a second, from the row or from size and length."""
    if item.bitrate:
        return item.bitrate
    if item.size and item.runtime:
        return item.size * 8 * TICKS_PER_SECOND // item.runtime
    return None


@dataclass(frozen=True)
class PlaybackRequest:
    """What a client asks for when it is about to play.

    Args:
        profile: the client's DeviceProfile, or None when it sent none.
        max_bitrate: bits a second it wants at most.
    """

    profile: Body | None
    max_bitrate: int | None
    audio_index: int | None
    direct_play: bool
    direct_stream: bool
    transcoding: bool
    device_id: str
    token: str
    play_session_id: str


def prepared_source(item: Item, streams: Sequence[Stream], wanted: PlaybackRequest) -> dict[str, Json] | None:
    """The source with what this client may do with it, or None when it cannot play it at all."""
    source = media_source(item, streams)
    if wanted.profile is None:
        return source
    direct = _plays_directly(item, streams, wanted)
    source["SupportsDirectPlay"] = direct and wanted.direct_play
    source["SupportsDirectStream"] = direct and wanted.direct_stream
    target = next(
        (
            p
            for p in wanted.profile.objects("TranscodingProfiles")
            if (p.text("Type") or "Video") == "Video" and (p.text("Protocol") or "").lower() == "hls"
        ),
        None,
    )
    source["SupportsTranscoding"] = target is not None and wanted.transcoding
    if source["SupportsDirectPlay"] or source["SupportsDirectStream"]:
        return source
    if not source["SupportsTranscoding"]:
        return None
    source["TranscodingUrl"] = transcoding_url(item, streams, wanted)
    source["TranscodingSubProtocol"] = "hls"
    source["TranscodingContainer"] = "ts"
    return source


def _plays_directly(item: Item, streams: Sequence[Stream], wanted: PlaybackRequest) -> bool:
    rate = bitrate(item)
    if wanted.max_bitrate and rate and rate > wanted.max_bitrate:
        return False
    video = next((s.codec for s in streams if s.kind == StreamType.VIDEO), None)
    audio = next((s.codec for s in streams if s.kind == StreamType.AUDIO), None)
    profiles = wanted.profile.objects("DirectPlayProfiles") if wanted.profile else []
    return any(
        (p.text("Type") or "Video") == "Video"
        and _allows(p.text("Container"), item.container)
        and _allows(p.text("VideoCodec"), video)
        and _allows(p.text("AudioCodec"), audio)
        for p in profiles
    )


def _allows(names: str | None, name: str | None) -> bool:
    return not names or name in names.split(",")


def transcoding_url(item: Item, streams: Sequence[Stream], wanted: PlaybackRequest) -> str:
    """The path of the master playlist; it carries the token, as Jellyfin's does."""
    audio = wanted.audio_index
    if audio is None:
        audio = next((s.index for s in streams if s.kind == StreamType.AUDIO), None)
    total = min(wanted.max_bitrate or DEFAULT_BITRATE, DEFAULT_BITRATE)
    parameters: dict[str, str | int | None] = {
        "DeviceId": wanted.device_id,
        "MediaSourceId": item.id.hex,
        "VideoCodec": "h264",
        "AudioCodec": "aac",
        "AudioStreamIndex": audio,
        "VideoBitrate": max(total - AUDIO_BITRATE, AUDIO_BITRATE),
        "AudioBitrate": AUDIO_BITRATE,
        "SegmentContainer": "ts",
        "MinSegments": 1,
        "BreakOnNonKeyFrames": "False",
        "PlaySessionId": wanted.play_session_id,
        "ApiKey": wanted.token,
        "TranscodingMaxAudioChannels": 2,
        "RequireAvc": "false",
        "EnableAudioVbrEncoding": "true",
        "Tag": md5_guid(item.path or "").hex,
        "TranscodeReasons": "ContainerNotSupported",
    }
    pairs = (f"&{name}={value}" for name, value in parameters.items() if value is not None)
    return f"/videos/{item.id}/master.m3u8?" + "".join(pairs)
