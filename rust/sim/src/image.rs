//! Valid MCUboot images, as imgtool makes them, for tests to load and to damage.

use smpkit_core::image::{Digest, Header, Version};

/// What differs from a plain image.
#[derive(Clone, Debug)]
pub struct Options {
    /// Header bytes, at least 32; the gap is filled with `gap`.
    pub header_size: u16,
    /// Filler of the header gap.
    pub gap: u8,
    /// Header flags.
    pub flags: u32,
    /// Load or ROM address.
    pub load_addr: u32,
    /// Protected TLVs: type and value.
    pub protected: Vec<(u16, Vec<u8>)>,
    /// Unprotected TLVs behind the hash.
    pub unprotected: Vec<(u16, Vec<u8>)>,
    /// Hash of the loader, for the app half of a split image.
    pub seed: Option<[u8; 32]>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            header_size: 32,
            gap: 0xFF,
            flags: 0,
            load_addr: 0,
            protected: Vec::new(),
            unprotected: Vec::new(),
            seed: None,
        }
    }
}

/// Type of the hash TLV.
pub const SHA256: u16 = 0x10;

/// One TLV area with its info header.
pub fn tlv_area(magic: u16, tlvs: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let total: usize = 4 + tlvs.iter().map(|(_, value)| 4 + value.len()).sum::<usize>();
    let mut out = Vec::with_capacity(total);
    out.extend(magic.to_le_bytes());
    out.extend((total as u16).to_le_bytes());
    for (kind, value) in tlvs {
        out.extend(kind.to_le_bytes());
        out.extend((value.len() as u16).to_le_bytes());
        out.extend(value);
    }
    out
}

/// A complete image with a correct SHA-256 TLV.
pub fn build(version: Version, payload: &[u8], options: &Options) -> Vec<u8> {
    let protected = match options.protected.as_slice() {
        [] => Vec::new(),
        tlvs => tlv_area(0x6908, tlvs),
    };
    let mut image = Vec::new();
    image.extend(Header::MAGIC.to_le_bytes());
    image.extend(options.load_addr.to_le_bytes());
    image.extend(options.header_size.to_le_bytes());
    image.extend((protected.len() as u16).to_le_bytes());
    image.extend((payload.len() as u32).to_le_bytes());
    image.extend(options.flags.to_le_bytes());
    image.extend([version.major, version.minor]);
    image.extend(version.revision.to_le_bytes());
    image.extend(version.build.to_le_bytes());
    image.extend([0; 4]);
    image.resize(options.header_size as usize, options.gap);
    image.extend(payload);
    image.extend(&protected);

    let mut digest = match &options.seed {
        Some(seed) => Digest::with_seed(seed),
        None => Digest::new(),
    };
    digest.update(&image);
    let mut tlvs = vec![(SHA256, digest.finish().to_vec())];
    tlvs.extend(options.unprotected.iter().cloned());
    image.extend(tlv_area(0x6907, &tlvs));
    image
}

/// A plain image of exactly `file_size` bytes (at least 80), random inside.
pub fn build_sized(version: Version, seed: u64, file_size: usize) -> Vec<u8> {
    let payload = crate::payload(seed, file_size - 32 - 40);
    build(version, &payload, &Options::default())
}
