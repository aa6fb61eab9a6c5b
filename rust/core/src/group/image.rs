//! Image group: list, test, confirm, erase, slot info.

use crate::flash::Flash;
use crate::image::{inspect_into, Info, SwapType};
use crate::server::{Host, Job, Phase, Server, GONE};
use crate::smp::{field, image, Fail, Reply};
use crate::Error;

/// Keys of the flags, from bit 0.
const FLAGS: [&str; 5] = ["bootable", "pending", "confirmed", "active", "permanent"];

/// What a client sees of one slot follows from the slot and from what the bootloader will do next.
#[inline(never)]
fn flags(slot: u32, swap: SwapType) -> u32 {
    const PENDING: u32 = 2;
    const CONFIRMED: u32 = 4;
    const ACTIVE: u32 = 8;
    const PERMANENT: u32 = 16;
    match (slot, swap) {
        (0, SwapType::Revert) => ACTIVE,
        (0, _) => ACTIVE | CONFIRMED,
        (_, SwapType::Revert) => CONFIRMED,
        (_, SwapType::Test) => PENDING,
        (_, SwapType::Perm) => PENDING | PERMANENT,
        _ => 0,
    }
}

impl Server<'_> {
    /// The image in a slot, if a client may see it.
    #[inline(never)]
    pub(crate) fn find_image<F: Flash>(
        &self,
        flash: &mut F,
        slot: u8,
        info: &mut Info,
    ) -> Result<(), Error> {
        let slots = &self.writer.slots;
        let area = match slot {
            0 => &slots.primary,
            _ if self.writer.is_hiding() => return Err(Error::NOENT),
            _ => &slots.secondary,
        };
        inspect_into(flash, area, slots.limit, info)
    }

    pub(crate) fn image_state<H: Host>(&mut self, host: &mut H) {
        let swap = self.writer.slots.swap_type(host);
        let slots = self.writer.slots;
        let shown = if self.writer.is_hiding() { 1 } else { 2 };
        self.answer(|reply| {
            reply.key_array("images");
            for (slot, area) in (0..shown).zip([slots.primary, slots.secondary]) {
                let mut info = Info::default();
                if inspect_into(host, &area, slots.limit, &mut info).is_ok() {
                    entry(reply, slot, &info, flags(slot, swap));
                }
            }
            reply.end();
            reply.number("splitStatus", 0);
        });
    }

    pub(crate) fn image_state_write<H: Host>(&mut self, host: &mut H) -> Result<(), Fail> {
        let confirm = self.reader.is_set(field::CONFIRM);
        let slot = self.addressed_slot(host, confirm)?;
        let swap = self.writer.slots.swap_type(host);
        let pending = matches!(swap, SwapType::Test | SwapType::Perm);
        let same = match (slot, confirm) {
            (0, false) => return Err(image::TEST_TO_ACTIVE_DENIED),
            (0, true) if pending && !self.writer.slots.is_on_trial(host) => false,
            (0, true) => return self.confirm(host, swap),
            (_, false) => swap == SwapType::Test,
            (_, true) => swap == SwapType::Perm || swap == SwapType::Revert,
        };
        if same {
            self.image_state(host);
            Ok(())
        } else if pending || swap == SwapType::Revert {
            Err(image::ALREADY_PENDING)
        } else {
            self.schedule_checked(host, confirm)
        }
    }

    /// No hash, a null one and an empty one all mean the running image.
    fn addressed_slot<H: Host>(&mut self, host: &mut H, confirm: bool) -> Result<u8, Fail> {
        let (hash, len) = self.reader.hash();
        if len == 0 {
            return if confirm {
                Ok(0)
            } else {
                Err(image::INVALID_HASH)
            };
        }
        if len != 32 {
            return Err(image::INVALID_HASH);
        }
        let mut info = Info::default();
        for slot in 0..2 {
            let found = self.find_image(host, slot, &mut info);
            if found.is_ok() && info.hash == *hash {
                return Ok(slot);
            }
        }
        Err(image::HASH_NOT_FOUND)
    }

    fn confirm<H: Host>(&mut self, host: &mut H, swap: SwapType) -> Result<(), Fail> {
        match self.writer.slots.confirm(host) {
            Ok(()) => {}
            // A damaged trailer that makes nothing revert leaves nothing to confirm.
            Err(Error::BADVECT) if swap == SwapType::None => {}
            Err(_) => return Err(image::UNKNOWN),
        }
        self.image_state(host);
        Ok(())
    }

    /// Only what was read back and hashed is scheduled (I4).
    fn schedule_checked<H: Host>(&mut self, host: &mut H, permanent: bool) -> Result<(), Fail> {
        self.phase = Phase::Work(Job::Schedule { permanent });
        if !self.writer.is_verified() {
            let mut info = Info::default();
            self.find_image(host, 1, &mut info)
                .map_err(|_| image::HASH_NOT_FOUND)?;
            self.writer.begin_verify(info.hashed);
            self.phase = Phase::Work(Job::Verify { permanent });
        }
        Ok(())
    }

    pub(crate) fn image_erase<H: Host>(&mut self, host: &mut H, now: u32) -> Result<(), Fail> {
        match self.reader.number(field::SLOT) {
            Some(0) => return Err(image::NO_FREE_SLOT),
            None | Some(1) => {}
            Some(_) => return Err(image::OPEN_FAILED),
        }
        if self.is_taken(now) {
            return Err(Fail::smp(crate::smp::rc::BUSY));
        }
        if self.writer.slots.is_on_trial(host) {
            return Err(image::NO_FREE_SLOT);
        }
        self.writer.begin_wipe();
        self.owner = GONE;
        self.phase = Phase::Work(Job::Erase);
        Ok(())
    }

    pub(crate) fn slot_info(&mut self) -> Result<(), Fail> {
        let slots = self.writer.slots;
        self.answer(|reply| {
            reply.raw_number(
                b"\x66images\x9F\xBF\x65image\x00\x65slots\x9F\xBF\x64slot\x00\x64size",
                slots.primary.size,
            );
            reply.raw_number(b"\xFF\xBF\x64slot\x01\x64size", slots.secondary.size);
            reply.raw_number(
                b"\x6Fupload_image_id\x00\xFF\xFF\x6Emax_image_size",
                slots.limit,
            );
            reply.raw(b"\xFF\xFF");
        });
        Ok(())
    }
}

fn entry(reply: &mut Reply<'_>, slot: u32, info: &Info, flags: u32) {
    let mut text = [0; 25];
    let len = info.header.version.write_text(&mut text);
    reply.raw_number(b"\xBF\x64slot", slot);
    reply.ascii("version", text.get(..len).unwrap_or_default());
    reply.bytes("hash", &info.hash);
    let mut bits = flags | u32::from(info.header.is_bootable());
    for key in FLAGS {
        reply.boolean(key, bits & 1 != 0);
        bits >>= 1;
    }
    reply.end();
}
