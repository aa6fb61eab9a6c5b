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

/// Magic, image_ok and copy_done, in this order from the lowest byte; above them anything.
pub(super) const fn packed(magic: Magic, image_ok: Flag, copy_done: Flag) -> u32 {
    magic as u32 | (image_ok as u32) << 8 | (copy_done as u32) << 16
}

/// The decision of MCUboot in scratch and move mode: the secondary decides first.
pub fn swap_type(primary: &SwapState, secondary: &SwapState, bootloader: Bootloader) -> SwapType {
    let [primary, secondary] =
        [primary, secondary].map(|state| packed(state.magic, state.image_ok, state.copy_done));
    decide(primary, secondary, bootloader)
}

/// The same, of packed states.
pub(super) fn decide(primary: u32, secondary: u32, bootloader: Bootloader) -> SwapType {
    const TEST: u32 = packed(Magic::Good, Flag::Unset, Flag::Unset) & 0xFFFF;
    const PERM: u32 = packed(Magic::Good, Flag::Set, Flag::Unset) & 0xFFFF;
    const ON_TRIAL: u32 = packed(Magic::Good, Flag::Unset, Flag::Set);
    let unset = secondary & 0xFF == Magic::Unset as u32;
    match secondary & 0xFFFF {
        TEST => SwapType::Test,
        PERM => SwapType::Perm,
        _ if primary & 0xFF_FFFF == ON_TRIAL && (unset || bootloader == Bootloader::Current) => {
            SwapType::Revert
        }
        _ => SwapType::None,
    }
}
