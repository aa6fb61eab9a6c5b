//! What the server asks of the world, answered by the callbacks of the port: flash, policy, and what
//! the board offers.

use crate::api::*;
use crate::kit::{World, STEP};
use crate::link::Link;
use core::ffi::c_char;
use core::mem::offset_of;
use smpkit_core::flash::{Flash, Geometry, Result};
use smpkit_core::server::{Datetime, Host, PoolInfo, TaskInfo};
use smpkit_core::smp::{rc, Command, Fail, Header, Reply, READ};
use smpkit_core::Error;

/// Longest text of the configuration that is told.
const TEXT_MAX: usize = 64;

impl Flash for World {
    fn geometry(&self, device: u8) -> Option<Geometry> {
        self.devices.geometry(device)
    }
    fn read(&mut self, device: u8, offset: u32, dst: &mut [u8]) -> Result<()> {
        self.spent += dst.len() as u32;
        self.devices.read(device, offset, dst)
    }
    fn write(&mut self, device: u8, offset: u32, src: &[u8]) -> Result<()> {
        self.spent = STEP;
        self.devices.write(device, offset, src)
    }
    fn erased(&self, device: u8) -> u8 {
        self.devices.erased(device)
    }
    fn write_unit(&self, device: u8) -> u32 {
        self.devices.write_unit(device)
    }
    fn erase(&mut self, device: u8, offset: u32, len: u32) -> Result<()> {
        self.spent = STEP;
        self.devices.erase(device, offset, len)
    }
}

impl Host for World {
    fn permit(&mut self, link: u8, header: &Header) -> core::result::Result<(), Fail> {
        let denied = Fail::smp(rc::ACCESS_DENIED);
        let link = self.link(link).ok_or(denied)?;
        // Echo writes nothing: it is what a client tries a link with.
        let harmless = header.op == READ || (header.group == 0 && header.command == 0);
        if !harmless && link.lacking() != 0 {
            return Err(denied);
        }
        let port = self.port();
        let Some(authorize) = port.authorize else {
            return Ok(());
        };
        let (op, group) = (u32::from(header.op), u32::from(header.group));
        let command = u32::from(header.command);
        // SAFETY: plain numbers and the caller's own pointers.
        let verdict = unsafe { authorize(port.ctx, link.config.ctx, op, group, command) };
        Error::check(verdict).map_err(|_| denied)
    }

    fn frame_limit(&self, link: u8) -> u32 {
        self.link(link).map_or(u32::MAX, Link::frame_limit)
    }

    fn identity_bytes(&self, index: u8) -> &[u8] {
        let config = self.config();
        // Nine pointers in a row: the bootloader's name, and the texts 0 to 7. 8 is 0 again.
        let place = if index > 8 {
            0
        } else {
            1 + usize::from(index % 8)
        };
        let names =
            (&raw const *config).wrapping_byte_add(offset_of!(smpkit_config, bootloader_name));
        // SAFETY: inside the configuration (asserted below).
        let text = unsafe { *names.cast::<*const c_char>().add(place) };
        if text.is_null() {
            return if index > 8 { b"MCUboot" } else { b"unknown" };
        }
        // SAFETY: a string of the caller.
        unsafe { until_nul(text) }
    }

    fn service(
        &mut self,
        command: Command,
        text: &[u8],
        reply: &mut Reply<'_>,
    ) -> core::result::Result<(), Fail> {
        let service = match command {
            Command::DatetimeGet | Command::DatetimeSet => self.datetime,
            _ => self.statistics,
        };
        match service {
            Some(service) => service(self, command, text, reply),
            None => Err(Fail::smp(rc::NOT_SUPPORTED)),
        }
    }

    fn reset(&mut self, boot_mode: u8) {
        let port = self.port();
        if let Some(reset) = port.reset {
            // SAFETY: plain numbers.
            unsafe { reset(port.ctx, u32::from(boot_mode)) }
        }
    }

    fn may_reset(&mut self) -> bool {
        let port = self.port();
        // SAFETY: plain numbers.
        port.may_reset
            .is_none_or(|may_reset| unsafe { may_reset(port.ctx) } >= 0)
    }

    fn may_start(&mut self, len: u32) -> bool {
        let port = self.port();
        // SAFETY: plain numbers.
        port.may_start
            .is_none_or(|may_start| unsafe { may_start(port.ctx, len) } >= 0)
    }

    fn power_lock(&mut self, on: bool) {
        let port = self.port();
        if let Some(power_lock) = port.power_lock {
            // SAFETY: plain numbers.
            unsafe { power_lock(port.ctx, i32::from(on)) }
        }
    }

    #[inline(never)]
    fn failed(&mut self, error: Error) {
        let port = self.port();
        if let Some(failed) = port.failed {
            // SAFETY: plain numbers.
            unsafe { failed(port.ctx, error.code()) }
        }
    }

    fn feed_watchdog(&mut self) {
        let port = self.port();
        if let Some(feed) = port.watchdog_feed {
            // SAFETY: plain numbers.
            unsafe { feed(port.ctx) }
        }
    }

    fn progress(&mut self, done: u32, total: u32) {
        let port = self.port();
        if let Some(progress) = port.progress {
            // SAFETY: plain numbers.
            unsafe { progress(port.ctx, done, total) }
        }
    }

    fn datetime(&mut self) -> Result<Datetime> {
        let port = self.port();
        let get = port.datetime_get.ok_or(Error::NOSYS)?;
        let mut time = Datetime::default();
        // SAFETY: the two structs have the same layout (asserted below).
        Error::check(unsafe { get(port.ctx, (&raw mut time).cast()) })?;
        Ok(time)
    }

    fn set_datetime(&mut self, time: &Datetime) -> Result<()> {
        let port = self.port();
        let set = port.datetime_set.ok_or(Error::NOSYS)?;
        // SAFETY: as above.
        Error::check(unsafe { set(port.ctx, (&raw const *time).cast()) })
    }

    fn task(&mut self, index: u32, row: &mut TaskInfo) -> Result<()> {
        let port = self.port();
        let info = port.task_info.ok_or(Error::NOSYS)?;
        // SAFETY: as above.
        Error::check(unsafe { info(port.ctx, index, (&raw mut *row).cast()) })
    }

    fn pool(&mut self, index: u32, row: &mut PoolInfo) -> Result<()> {
        let port = self.port();
        let info = port.pool_info.ok_or(Error::NOSYS)?;
        // SAFETY: as above.
        Error::check(unsafe { info(port.ctx, index, (&raw mut *row).cast()) })
    }
}

/// A loop, since strlen of some C libraries is larger than the file it is for.
///
/// # Safety
/// `text` is NUL-terminated.
#[inline(never)]
unsafe fn until_nul<'a>(text: *const c_char) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while len < TEXT_MAX && *text.add(len) != 0 {
            len += 1;
        }
        core::slice::from_raw_parts(text.cast(), len)
    }
}
