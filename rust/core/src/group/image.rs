//! Image group: list, test, confirm, erase, slot info.

use crate::flash::Flash;
use crate::image::{inspect, Info, SwapType};
use crate::server::{Host, Job, Phase, Server, GONE};
use crate::smp::{field, image, Fail, Reply};
use crate::Error;

/// What a client sees of one slot.
#[derive(Clone, Copy)]
struct Flags {
    pending: bool,
    confirmed: bool,
    active: bool,
    permanent: bool,
}

/// The flags follow from the slot and from what the bootloader will do next.
fn flags(slot: u8, swap: SwapType) -> Flags {
    let primary = slot == 0;
    let revert = swap == SwapType::Revert;
    Flags {
        active: primary,
        confirmed: primary != revert,
        pending: !primary && matches!(swap, SwapType::Test | SwapType::Perm),
        permanent: !primary && swap == SwapType::Perm,
    }
}

impl Server<'_> {
    /// The image in a slot, if a client may see it.
    pub(crate) fn image_info<F: Flash>(&mut self, flash: &mut F, slot: u8) -> Option<Info> {
        let slots = &self.writer.slots;
        let area = match slot {
            0 => &slots.primary,
            _ if self.writer.is_hiding() => return None,
            _ => &slots.secondary,
        };
        inspect(flash, area, slots.limit).ok()
    }

    pub(crate) fn image_state<H: Host>(&mut self, host: &mut H) {
        let swap = self.writer.slots.swap_type(host);
        let images = [self.image_info(host, 0), self.image_info(host, 1)];
        self.answer(|reply| {
            reply.key_array("images");
            for (slot, info) in (0..).zip(&images) {
                if let Some(info) = info {
                    entry(reply, slot, info, flags(slot, swap));
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
            (0, true) if pending => false,
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
        let (hash, len) = (*hash, len);
        if !self.reader.has(field::HASH) || len == 0 {
            return if confirm {
                Ok(0)
            } else {
                Err(image::INVALID_HASH)
            };
        }
        if len != 32 {
            return Err(image::INVALID_HASH);
        }
        for slot in 0..2 {
            if self.image_info(host, slot).is_some_and(|info| info.hash == hash) {
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
            let info = self.image_info(host, 1).ok_or(image::HASH_NOT_FOUND)?;
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
        if self.writer.slots.swap_type(host) == SwapType::Revert {
            return Err(image::NO_FREE_SLOT);
        }
        self.writer.begin_wipe();
        self.owner = GONE;
        self.phase = Phase::Work(Job::Erase);
        Ok(())
    }

    pub(crate) fn slot_info(&mut self) -> Result<(), Fail> {
        let sizes = [self.writer.slots.primary.size, self.writer.slots.secondary.size];
        let limit = self.writer.slots.limit;
        self.answer(|reply| {
            reply.key_array("images");
            reply.begin_map();
            reply.number("image", 0);
            reply.key_array("slots");
            for (slot, size) in (0..).zip(sizes) {
                reply.begin_map();
                reply.number("slot", slot);
                reply.number("size", size);
                if slot == 1 {
                    reply.number("upload_image_id", 0);
                }
                reply.end();
            }
            reply.end();
            reply.number("max_image_size", limit);
            reply.end();
            reply.end();
        });
        Ok(())
    }
}

fn entry(reply: &mut Reply<'_>, slot: u8, info: &Info, flags: Flags) {
    let mut text = [0; 25];
    let len = info.header.version.write_text(&mut text);
    let version = text.get(..len).unwrap_or_default();
    reply.begin_map();
    reply.number("slot", u32::from(slot));
    reply.ascii("version", version);
    reply.bytes("hash", &info.hash);
    reply.boolean("bootable", info.header.is_bootable());
    reply.boolean("pending", flags.pending);
    reply.boolean("confirmed", flags.confirmed);
    reply.boolean("active", flags.active);
    reply.boolean("permanent", flags.permanent);
    reply.end();
}
