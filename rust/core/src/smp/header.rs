//! The 8-byte SMP header, big endian.

/// Operation of a request that reads.
pub const READ: u8 = 0;
/// Operation of a request that writes.
pub const WRITE: u8 = 2;

/// A parsed header. Reserved bits and flags are ignored on input and zero on output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// Operation, 0 to 7.
    pub op: u8,
    /// Version bits: 0 is SMP version 1, 1 is version 2.
    pub version: u8,
    /// Bytes after the header.
    pub length: u16,
    /// Group.
    pub group: u16,
    /// Sequence number, copied to the reply.
    pub sequence: u8,
    /// Command, copied to the reply.
    pub command: u8,
}

impl Header {
    /// Bytes of a header.
    pub const SIZE: usize = 8;

    /// Never fails: any 8 bytes are some header.
    pub fn parse(bytes: &[u8; 8]) -> Header {
        let [first, _flags, l1, l0, g1, g0, sequence, command] = *bytes;
        Header {
            op: first & 7,
            version: first >> 3 & 3,
            length: u16::from_be_bytes([l1, l0]),
            group: u16::from_be_bytes([g1, g0]),
            sequence,
            command,
        }
    }

    /// Header of the reply with `length` bytes of payload.
    ///
    /// The version is mirrored, because a version 1 client misreads any other; a version of the
    /// future is answered in the newest we speak.
    pub fn reply(&self, length: u16) -> [u8; 8] {
        let op = if self.op == READ { 1 } else { 3 };
        let [l1, l0] = length.to_be_bytes();
        let [g1, g0] = self.group.to_be_bytes();
        let version = self.version.min(1);
        [
            op | version << 3,
            0,
            l1,
            l0,
            g1,
            g0,
            self.sequence,
            self.command,
        ]
    }
}
