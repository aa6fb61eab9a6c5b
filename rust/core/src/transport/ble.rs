//! Fragments on GATT: writes are joined to packets by the length in the SMP header alone.

/// Finds the packets in the stream of writes of one connection.
///
/// Lives on the receiving side, in the context of the radio: it sees every byte, also those there
/// is no room for, so that a loss can never turn image data into a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Framer {
    /// Header bytes seen of the packet at hand, up to 4: the length is in bytes 2 and 3.
    seen: u8,
    high: u8,
    low: u8,
    /// Bytes of the packet still to come, once its header was seen.
    left: u32,
}

const HEADER: u8 = 8;

/// One piece of a packet inside a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Bytes of the write that belong to it.
    pub len: usize,
    /// It begins a packet.
    pub first: bool,
    /// It ends the packet.
    pub last: bool,
}

impl Framer {
    /// Start afresh.
    pub const fn new() -> Framer {
        Framer {
            seen: 0,
            high: 0,
            low: 0,
            left: 0,
        }
    }

    /// Whether the next byte begins a packet.
    pub fn is_at_start(&self) -> bool {
        self.seen == 0
    }

    /// The next piece of `rest`, the unread part of a write; `begins` when nothing of this write
    /// was read yet.
    ///
    /// `None` when the write is used up. What is left behind a packet and is too short to be
    /// another is dropped.
    pub fn next(&mut self, rest: &[u8], begins: bool) -> Option<Piece> {
        if rest.is_empty() || (self.seen == 0 && !begins && rest.len() < usize::from(HEADER)) {
            return None;
        }
        let first = self.seen == 0;
        let mut len = 0;
        let mut bytes = rest.iter();
        while self.seen < HEADER {
            let Some(byte) = bytes.next() else {
                return Some(Piece {
                    len,
                    first,
                    last: false,
                });
            };
            match self.seen {
                2 => self.high = *byte,
                3 => self.low = *byte,
                _ => {}
            }
            self.seen += 1;
            len += 1;
            if self.seen == HEADER {
                self.left = u32::from(u16::from_be_bytes([self.high, self.low]));
            }
        }
        let payload = bytes.as_slice().len().min(self.left as usize);
        self.left -= payload as u32;
        let last = self.left == 0;
        if last {
            self.seen = 0;
        }
        Some(Piece {
            len: len + payload,
            first,
            last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: [u8; 15] = [
        2, 0, 0, 7, 0, 0, 1, 0, 0xA1, 0x61, 0x64, 0x63, b'a', b'b', b'c',
    ];

    fn pieces(writes: &[&[u8]]) -> Vec<(usize, bool, bool)> {
        let mut framer = Framer::new();
        let mut found = Vec::new();
        for write in writes {
            let mut at = 0;
            while let Some(piece) = framer.next(&write[at..], at == 0) {
                found.push((piece.len, piece.first, piece.last));
                at += piece.len;
            }
        }
        found
    }

    #[test]
    fn a_packet_in_one_write() {
        assert_eq!(pieces(&[&ECHO]), [(15, true, true)]);
    }

    #[test]
    fn any_cut_gives_one_packet() {
        for cut in 1..15 {
            let (a, b) = ECHO.split_at(cut);
            assert_eq!(
                pieces(&[a, b]),
                [(cut, true, false), (15 - cut, false, true)]
            );
        }
    }

    #[test]
    fn two_packets_in_one_write() {
        let both = [ECHO, ECHO].concat();
        assert_eq!(pieces(&[&both]), [(15, true, true), (15, true, true)]);
    }

    #[test]
    fn a_short_rest_behind_a_packet_is_dropped() {
        let long = [&ECHO[..], &[1, 2, 3]].concat();
        assert_eq!(
            pieces(&[&long, &ECHO]),
            [(15, true, true), (15, true, true)]
        );
    }
}
