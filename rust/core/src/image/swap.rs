//! What the bootloader will do at the next start, from the trailers of both slots.

/// A trailer's magic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Magic {
    /// Complete.
    Good = 1,
    /// Something else than erased bytes.
    Bad = 2,
    /// Erased.
    Unset = 3,
}

/// A one-byte flag of a trailer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Flag {
    /// 1.
    Set = 1,
    /// Something else.
    Bad = 2,
    /// Erased.
    Unset = 3,
}

/// The readable part of a trailer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SwapState {
    /// Is there a trailer at all?
    pub magic: Magic,
    /// Kind of the last swap; `SwapType::None` if unknown. Not used to decide.
    pub swap_type: u8,
    /// The last swap has finished.
    pub copy_done: Flag,
    /// The image is confirmed (primary) or wanted for good (secondary).
    pub image_ok: Flag,
    /// Image pair of the last swap.
    pub image_num: u8,
}

/// What the bootloader will do. Numbers as in MCUboot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum SwapType {
    /// Start what is in the primary slot.
    None = 1,
    /// Swap, and swap back at the start after that unless confirmed.
    Test = 2,
    /// Swap for good.
    Perm = 3,
    /// Swap back.
    Revert = 4,
    /// The last swap found a bad image.
    Fail = 5,
    /// Cannot be known.
    Panic = 0xFF,
}

/// Generation of the installed bootloader. They differ in when they roll back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bootloader {
    /// MCUboot 1.5.0, as PineTime ships it: an unconfirmed image stays if the trailer of the
    /// secondary slot is damaged.
    V1_5_0,
    /// MCUboot 2.2 and later.
    Current,
}

impl SwapState {
    /// A slot with an erased trailer.
    pub const UNSET: SwapState = SwapState {
        magic: Magic::Unset,
        swap_type: SwapType::None as u8,
        copy_done: Flag::Unset,
        image_ok: Flag::Unset,
        image_num: 0,
    };
}

/// The decision of MCUboot in scratch and move mode: the secondary decides first.
pub fn swap_type(primary: &SwapState, secondary: &SwapState, bootloader: Bootloader) -> SwapType {
    let scheduled = secondary.magic == Magic::Good;
    if scheduled && secondary.image_ok == Flag::Unset {
        return SwapType::Test;
    }
    if scheduled && secondary.image_ok == Flag::Set {
        return SwapType::Perm;
    }
    let on_trial = primary.magic == Magic::Good
        && primary.image_ok == Flag::Unset
        && primary.copy_done == Flag::Set;
    let reverts = secondary.magic == Magic::Unset || bootloader == Bootloader::Current;
    if on_trial && reverts {
        SwapType::Revert
    } else {
        SwapType::None
    }
}
