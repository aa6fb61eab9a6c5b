//! Error numbers of SMP and of the groups, and how a version 1 client is told about a group error.

use core::num::NonZeroU8;

/// SMP-level codes ("rc").
#[allow(missing_docs)]
pub mod rc {
    pub const UNKNOWN: u8 = 1;
    pub const NO_MEMORY: u8 = 2;
    pub const INVALID: u8 = 3;
    pub const BAD_STATE: u8 = 6;
    pub const MESSAGE_SIZE: u8 = 7;
    pub const NOT_SUPPORTED: u8 = 8;
    pub const CORRUPT: u8 = 9;
    pub const BUSY: u8 = 10;
    pub const ACCESS_DENIED: u8 = 11;
    pub const TOO_NEW: u8 = 13;
}

/// What a failed request is answered with: an SMP code, or a code of its group.
///
/// Never zero, so that a result with it is one byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fail(NonZeroU8);

const GROUP: u8 = 0x80;

impl Fail {
    /// An SMP-level failure: plain `rc`, in both protocol versions.
    pub const fn smp(code: u8) -> Fail {
        match NonZeroU8::new(code) {
            Some(code) => Fail(code),
            None => Fail(NonZeroU8::MIN),
        }
    }

    const fn group(code: u8) -> Fail {
        Fail::smp(code | GROUP)
    }

    /// The group's own code, if this is a group error.
    pub const fn group_code(self) -> Option<u8> {
        let code = self.0.get();
        if code & GROUP != 0 {
            Some(code & !GROUP)
        } else {
            None
        }
    }

    /// The plain code: as it is, or the translation a version 1 client understands.
    pub fn plain(self, group: u16) -> u8 {
        let Some(code) = self.group_code() else {
            return self.0.get();
        };
        let table: &[u8] = if group == 0 { &OS_V1 } else { &IMAGE_V1 };
        table.get(usize::from(code)).copied().unwrap_or(rc::UNKNOWN)
    }

    /// A word for people, which version 1 replies to an upload carry as `rsn`.
    pub fn reason(self) -> Option<&'static [u8]> {
        let mut rest = REASONS;
        while let [first, last, len, tail @ ..] = rest {
            let (text, next) = tail.split_at_checked(usize::from(*len))?;
            if (*first..=*last).contains(&self.0.get()) {
                return Some(text);
            }
            rest = next;
        }
        None
    }
}

/// First and last code, length of the text, text.
const REASONS: &[u8] = b"\x94\x96\x10header malformed\x97\x97\x0Emagic mismatch\
    \x89\x89\x07no slot\x9B\x9B\x09downgrade\x9E\x9E\x0Dimg too large";

const OS_V1: [u8; 6] = [1, 1, 3, 5, 5, 1];
#[rustfmt::skip]
const IMAGE_V1: [u8; 35] = [
    1, 1, 1, 5, 5, 1, 1, 1, 1, 6, 1, 1, 1, 1, 3, 2, 1, 1,
    1, 3, 3, 3, 3, 1, 3, 3, 1, 6, 6, 1, 1, 1, 1, 1, 1,
];

/// Codes of the OS group.
#[allow(missing_docs)]
pub mod os {
    use super::Fail;
    pub const INVALID_FORMAT: Fail = Fail::group(2);
    pub const NO_ANSWER: Fail = Fail::group(3);
    pub const CLOCK_NOT_SET: Fail = Fail::group(4);
    pub const CLOCK_FAILED: Fail = Fail::group(5);
}

/// Codes of the image group.
#[allow(missing_docs)]
pub mod image {
    use super::Fail;
    pub const UNKNOWN: Fail = Fail::group(1);
    pub const HASH_NOT_FOUND: Fail = Fail::group(8);
    pub const NO_FREE_SLOT: Fail = Fail::group(9);
    pub const OPEN_FAILED: Fail = Fail::group(10);
    pub const READ_FAILED: Fail = Fail::group(11);
    pub const WRITE_FAILED: Fail = Fail::group(12);
    pub const ERASE_FAILED: Fail = Fail::group(13);
    pub const INVALID_OFFSET: Fail = Fail::group(20);
    pub const INVALID_LENGTH: Fail = Fail::group(21);
    pub const INVALID_IMAGE_HEADER: Fail = Fail::group(22);
    pub const INVALID_MAGIC: Fail = Fail::group(23);
    pub const INVALID_HASH: Fail = Fail::group(24);
    pub const VERSION_IS_NEWER: Fail = Fail::group(27);
    pub const ALREADY_PENDING: Fail = Fail::group(28);
    pub const INVALID_VECTOR_TABLE: Fail = Fail::group(29);
    pub const TOO_LARGE: Fail = Fail::group(30);
    pub const DATA_OVERRUN: Fail = Fail::group(31);
    pub const TEST_TO_ACTIVE_DENIED: Fail = Fail::group(33);
}
