//! Console framing: lines of base64 between log text, a length in front, a CRC behind.

const START: [u8; 2] = [0x06, 0x09];
const CONTINUE: [u8; 2] = [0x04, 0x14];
/// Packet bytes on a line of 127 characters: 2 of marker, 124 of base64, 1 of newline.
const LINE_BYTES: usize = 93;
/// Longest line that is sent, marker and newline included.
pub const LINE_MAX: usize = 2 + LINE_BYTES / 3 * 4 + 1;

/// CRC-16/XMODEM, bit by bit: a table would be larger than the rest of the file.
fn crc16(crc: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(crc, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            if crc & 0x8000 != 0 {
                crc << 1 ^ 0x1021
            } else {
                crc << 1
            }
        })
    })
}

/// What the decoder found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// Nothing yet.
    Nothing,
    /// Bytes of a packet; `first` when they begin it.
    Bytes {
        /// The bytes.
        bytes: [u8; 3],
        /// How many of them count.
        len: u8,
        /// They begin a packet, whatever was before.
        first: bool,
    },
    /// The packet is over, and its CRC was right or not.
    End(bool),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Place {
    /// Log text.
    #[default]
    Noise,
    /// First byte of a marker was seen.
    Marker(u8),
    /// Base64.
    Body,
}

/// Finds packets between other text. The marker is looked for anywhere in a line, since a log line
/// may be glued in front of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decoder {
    place: Place,
    /// Six-bit groups of the quantum at hand.
    bits: u32,
    groups: u8,
    padding: u8,
    /// Bytes decoded since the start, the two of the length included.
    count: u32,
    /// Packet plus CRC, as announced.
    total: u16,
    crc: u16,
    active: bool,
}

impl Decoder {
    /// Outside any packet.
    pub const fn new() -> Decoder {
        Decoder {
            place: Place::Noise,
            bits: 0,
            groups: 0,
            padding: 0,
            count: 0,
            total: 0,
            crc: 0,
            active: false,
        }
    }

    /// Take one byte from the line.
    pub fn byte(&mut self, byte: u8) -> Found {
        match (self.place, byte) {
            (_, b'\n') => {
                self.place = Place::Noise;
                self.groups = 0;
                self.padding = 0;
            }
            (_, 0x06 | 0x04) => self.place = Place::Marker(byte),
            (Place::Marker(0x06), 0x09) => self.start(),
            (Place::Marker(0x04), 0x14) if self.active => self.place = Place::Body,
            (Place::Body, b'\r') => {}
            (Place::Body, _) => return self.body(byte),
            _ => self.place = Place::Noise,
        }
        Found::Nothing
    }

    fn start(&mut self) {
        *self = Decoder {
            place: Place::Body,
            active: true,
            ..Decoder::default()
        };
    }

    /// Drop the packet at hand: bytes were lost.
    pub fn abort(&mut self) {
        *self = Decoder::default();
    }

    fn body(&mut self, byte: u8) -> Found {
        let group = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                self.padding += 1;
                0
            }
            _ => return self.fail(),
        };
        if self.padding != 0 && byte != b'=' {
            return self.fail();
        }
        self.bits = self.bits << 6 | u32::from(group);
        self.groups += 1;
        if self.groups < 4 {
            return Found::Nothing;
        }
        self.groups = 0;
        let len = 3u8.saturating_sub(self.padding);
        self.padding = 0;
        let [_, a, b, c] = self.bits.to_be_bytes();
        self.quantum([a, b, c], len)
    }

    fn fail(&mut self) -> Found {
        self.abort();
        Found::End(false)
    }

    /// Up to three decoded bytes: length, packet, CRC follow each other in any alignment.
    fn quantum(&mut self, bytes: [u8; 3], len: u8) -> Found {
        let mut packet = [0; 3];
        let mut kept = 0;
        let first = self.count <= 2 && self.count + u32::from(len) > 2;
        for byte in bytes.iter().take(usize::from(len)) {
            self.count += 1;
            if self.count <= 2 {
                self.total = self.total << 8 | u16::from(*byte);
                continue;
            }
            self.crc = crc16(self.crc, &[*byte]);
            if self.count <= u32::from(self.total) {
                if let Some(slot) = packet.get_mut(usize::from(kept)) {
                    *slot = *byte;
                    kept += 1;
                }
            }
        }
        if kept != 0 {
            return Found::Bytes {
                bytes: packet,
                len: kept,
                first,
            };
        }
        Found::Nothing
    }

    /// Whether the announced length has arrived: ask after each byte that was consumed.
    pub fn end(&mut self) -> Option<bool> {
        let complete = self.active && self.count >= 2 && self.count >= u32::from(self.total) + 2;
        if !complete {
            return None;
        }
        let intact = self.crc == 0 && self.count == u32::from(self.total) + 2 && self.total > 2;
        self.abort();
        Some(intact)
    }
}

/// Encode the next line of `packet` into `line`. `sent` counts raw bytes done, length and CRC
/// included. Returns the length of the line and the new count; a length of 0 when all was sent.
pub fn encode_line(packet: &[u8], sent: usize, line: &mut [u8; LINE_MAX]) -> (usize, usize) {
    let raw_len = packet.len() + 4;
    if sent >= raw_len {
        return (0, sent);
    }
    let crc = crc16(0, packet).to_be_bytes();
    let total = ((packet.len() + 2) as u16).to_be_bytes();
    let raw = |index: usize| -> u8 {
        let value = match index.checked_sub(2) {
            None => total.get(index),
            Some(at) if at < packet.len() => packet.get(at),
            Some(at) => crc.get(at - packet.len()),
        };
        value.copied().unwrap_or(0)
    };
    let end = raw_len.min(sent + LINE_BYTES);
    let mut out = line.iter_mut();
    let mut len = 0;
    let mut put = |byte: u8| {
        if let Some(slot) = out.next() {
            *slot = byte;
            len += 1;
        }
    };
    let marker = if sent == 0 { START } else { CONTINUE };
    marker.into_iter().for_each(&mut put);
    for at in (sent..end).step_by(3) {
        let used = (end - at).min(3);
        let mut bytes = [0; 3];
        for (index, byte) in bytes.iter_mut().enumerate().take(used) {
            *byte = raw(at + index);
        }
        quantum_text(bytes, used).into_iter().for_each(&mut put);
    }
    put(b'\n');
    (len, end)
}

fn quantum_text(bytes: [u8; 3], used: usize) -> [u8; 4] {
    let [a, b, c] = bytes;
    let bits = u32::from_be_bytes([0, a, b, c]);
    let mut text = [b'='; 4];
    for (index, slot) in text.iter_mut().enumerate().take(used + 1) {
        let group = (bits >> (18 - 6 * index)) as u8 & 63;
        *slot = match group {
            0..=25 => b'A' + group,
            26..=51 => b'a' + group - 26,
            52..=61 => b'0' + group - 52,
            62 => b'+',
            _ => b'/',
        };
    }
    text
}
