//! The 32-byte image header.

use super::Version;
use crate::flash::{Area, Result};
use crate::Error;

/// Header of an MCUboot image, as it lies in flash (little endian there).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct Header {
    /// RAM address with `RAM_LOAD`, flash address with `ROM_FIXED`, otherwise 0.
    pub load_addr: u32,
    /// Bytes in front of the payload, at least 32.
    pub hdr_size: u16,
    /// Bytes of the protected TLV area including its info header; 0 means none.
    pub protect_tlv_size: u16,
    /// Bytes of the payload alone.
    pub img_size: u32,
    /// The flag bits below.
    pub flags: u32,
    /// Version of the image.
    pub version: Version,
}

impl Header {
    /// Bytes in flash; a header may be followed by filler up to `hdr_size`.
    pub const SIZE: u32 = 32;
    /// First word of every image.
    pub const MAGIC: u32 = 0x96F3_B83D;

    /// Position independent: never supported by any MCUboot.
    pub const PIC: u32 = 0x0001;
    /// Payload is encrypted: either key size.
    pub const ENCRYPTED: u32 = 0x000C;
    /// The app half of a split image: MCUboot does not start it.
    pub const NON_BOOTABLE: u32 = 0x0010;
    /// Copied to RAM before it starts.
    pub const RAM_LOAD: u32 = 0x0020;
    /// Runs only from `load_addr`.
    pub const ROM_FIXED: u32 = 0x0100;
    /// Payload is compressed: any method or filter.
    pub const COMPRESSED: u32 = 0x0E00;

    /// Read the fields. Only length and magic are checked; `inspect` checks the rest.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let b: &[u8; 32] = bytes.first_chunk()?;
        let [m0, m1, m2, m3, a0, a1, a2, a3, h0, h1, p0, p1, s0, s1, s2, s3, ..] = *b;
        let [.., f0, f1, f2, f3, major, minor, r0, r1, b0, b1, b2, b3, _, _, _, _] = *b;
        let header = Header {
            load_addr: u32::from_le_bytes([a0, a1, a2, a3]),
            hdr_size: u16::from_le_bytes([h0, h1]),
            protect_tlv_size: u16::from_le_bytes([p0, p1]),
            img_size: u32::from_le_bytes([s0, s1, s2, s3]),
            flags: u32::from_le_bytes([f0, f1, f2, f3]),
            version: Version {
                major,
                minor,
                revision: u16::from_le_bytes([r0, r1]),
                build: u32::from_le_bytes([b0, b1, b2, b3]),
            },
        };
        (u32::from_le_bytes([m0, m1, m2, m3]) == Self::MAGIC).then_some(header)
    }

    /// Offset behind the payload: where the first TLV area begins.
    pub fn payload_end(&self) -> Option<u32> {
        self.img_size.checked_add(u32::from(self.hdr_size))
    }

    /// Bytes that the hash covers, or `None` if the sizes overflow.
    pub fn hashed_len(&self) -> Option<u32> {
        self.payload_end()?
            .checked_add(u32::from(self.protect_tlv_size))
    }

    /// MCUboot may start it.
    pub fn is_bootable(&self) -> bool {
        self.flags & Self::NON_BOOTABLE == 0
    }

    /// The payload is encrypted; its hash cannot be recomputed without the key.
    pub fn is_encrypted(&self) -> bool {
        self.flags & Self::ENCRYPTED != 0
    }

    /// `Error::UNSUPPORTED` unless a plain bootloader can start the image from flash address
    /// `start` (the start of the primary slot).
    pub fn runs_from(&self, start: u32) -> Result<()> {
        const SPECIAL: u32 = Header::PIC
            | Header::ENCRYPTED
            | Header::NON_BOOTABLE
            | Header::RAM_LOAD
            | Header::COMPRESSED;
        let elsewhere = self.flags & Self::ROM_FIXED != 0 && self.load_addr != start;
        if self.flags & SPECIAL != 0 || elsewhere {
            return Err(Error::UNSUPPORTED);
        }
        Ok(())
    }
}

/// Do the first two words of a payload look like a Cortex-M vector table for this slot?
///
/// The stack must end in RAM (start exclusive, end inclusive) and the reset handler must be Thumb
/// code inside the slot. An image linked for another address passes every hash and then hangs.
pub fn vectors_fit(payload: &[u8], header: &Header, slot: &Area, ram: (u32, u32)) -> bool {
    let Some(&[s0, s1, s2, s3, r0, r1, r2, r3]) = payload.first_chunk() else {
        return false;
    };
    let stack = u32::from_le_bytes([s0, s1, s2, s3]);
    let reset = u32::from_le_bytes([r0, r1, r2, r3]);
    let code = slot.offset.saturating_add(u32::from(header.hdr_size));
    let end = slot.offset.saturating_add(slot.size);
    stack > ram.0 && stack <= ram.1 && reset & 1 == 1 && reset >= code && reset < end
}
