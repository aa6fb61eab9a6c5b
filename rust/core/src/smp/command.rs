//! Which commands exist, and which fields each of them reads.

use super::header::{READ, WRITE};

/// Fields a request may carry. The number is the bit in a field set and the index of its value.
#[allow(missing_docs)]
pub mod field {
    pub const OFF: u8 = 0;
    pub const LEN: u8 = 1;
    pub const IMAGE: u8 = 2;
    pub const SLOT: u8 = 3;
    pub const BOOT_MODE: u8 = 4;
    pub const UPGRADE: u8 = 5;
    pub const CONFIRM: u8 = 6;
    pub const FORCE: u8 = 7;
    /// Byte string of up to 32 bytes: `sha` of an upload, `hash` of a state write.
    pub const HASH: u8 = 8;
    /// A text: `d`, `format`, `query`, `datetime`.
    pub const TEXT: u8 = 9;
    /// The byte string that is streamed.
    pub const DATA: u8 = 10;
    /// Values kept as numbers.
    pub const NUMBERS: usize = 8;
    /// Fields below this are unsigned numbers, up to `NUMBERS` booleans.
    pub const FIRST_BOOL: u8 = UPGRADE;
}

/// Key text of each field, as length, text, field. One field may have several names; no command has
/// two of them. The most frequent come first.
pub(super) const KEYS: &[u8] = b"\
    \x03off\x00\x04data\x0A\x03len\x01\x03sha\x08\x05image\x02\x07upgrade\x05\x04hash\x08\
    \x07confirm\x06\x04slot\x03\x01d\x09\x06format\x09\x05query\x09\x08datetime\x09\
    \x05force\x07\x09boot_mode\x04";

/// Longest key of the table.
pub(super) const KEY_MAX: usize = 9;

/// A command the server carries out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Command {
    Echo,
    TaskStatistics,
    PoolStatistics,
    DatetimeGet,
    DatetimeSet,
    Reset,
    Params,
    Info,
    BootloaderInfo,
    ImageState,
    ImageStateWrite,
    ImageUpload,
    ImageErase,
    ImageSlotInfo,
    /// None of these.
    Unknown,
}

/// One row of the command table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spec {
    group: u8,
    id: u8,
    op: u8,
    /// What it is.
    pub command: Command,
    /// Set of fields it reads, by bit.
    pub fields: u16,
}

const fn set(fields: &[u8]) -> u16 {
    let mut bits = 0;
    let mut rest = fields;
    while let [first, tail @ ..] = rest {
        bits |= 1 << *first;
        rest = tail;
    }
    bits
}

const fn spec(group: u8, id: u8, op: u8, command: Command, fields: &[u8]) -> Spec {
    Spec {
        group,
        id,
        op,
        command,
        fields: set(fields),
    }
}

const TEXT: &[u8] = &[field::TEXT];
const UPLOAD: &[u8] = &[
    field::OFF,
    field::LEN,
    field::IMAGE,
    field::UPGRADE,
    field::HASH,
    field::DATA,
];

/// No command: what every request is until its header is read.
pub static UNKNOWN: Spec = spec(0, 0, 0, Command::Unknown, &[]);

/// Upload first: it is looked up two thousand times per update.
#[rustfmt::skip]
const TABLE: [Spec; 15] = [
    spec(1, 1, WRITE, Command::ImageUpload, UPLOAD),
    spec(0, 0, WRITE, Command::Echo, TEXT),
    spec(0, 0, READ, Command::Echo, TEXT),
    spec(0, 2, READ, Command::TaskStatistics, &[]),
    spec(0, 3, READ, Command::PoolStatistics, &[]),
    spec(0, 4, READ, Command::DatetimeGet, &[]),
    spec(0, 4, WRITE, Command::DatetimeSet, TEXT),
    spec(0, 5, WRITE, Command::Reset, &[field::FORCE, field::BOOT_MODE]),
    spec(0, 6, READ, Command::Params, &[]),
    spec(0, 7, READ, Command::Info, TEXT),
    spec(0, 8, READ, Command::BootloaderInfo, TEXT),
    spec(1, 0, READ, Command::ImageState, &[]),
    spec(1, 0, WRITE, Command::ImageStateWrite, &[field::HASH, field::CONFIRM]),
    spec(1, 5, WRITE, Command::ImageErase, &[field::SLOT]),
    spec(1, 6, READ, Command::ImageSlotInfo, &[]),
];

impl Spec {
    /// The command a header asks for, or `UNKNOWN`.
    pub fn find(group: u16, id: u8, op: u8) -> &'static Spec {
        TABLE
            .iter()
            .find(|row| u16::from(row.group) == group && row.id == id && row.op == op)
            .unwrap_or(&UNKNOWN)
    }

    /// Whether damaged arguments are ignored: a read without arguments answers anyway, and a
    /// watch in trouble must restart whatever the client's encoder produced.
    pub fn lenient(&self) -> bool {
        self.fields == 0 || self.command == Command::Reset
    }
}
