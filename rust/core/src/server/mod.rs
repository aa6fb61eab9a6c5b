//! The SMP server: a state machine fed with bytes, time and a `Host`.
//!
//! ```text
//!  Receive --request complete--> (execute) --needs flash work--> Work --done--> Reply --sent--> Receive
//!                                    `--answered at once---------------------------^
//! ```
//!
//! One request is in hand at a time. While it is worked on or its reply waits to be sent, `input`
//! takes nothing, and what arrives stays in the rings of the links.

mod host;
mod intake;
mod local;
mod work;

pub use host::{Datetime, Host, PoolInfo, TaskInfo};
pub use local::{Status, Transform};

use crate::smp::{Fail, Header, Reader, Reply, Spec, UNKNOWN};
use crate::upload::Writer;
use crate::Error;
pub(crate) use work::Job;

/// A request that stays incomplete this long is dropped: its sender is gone.
const PARTIAL_MS: u32 = 5_000;
/// No request takes this long: the flash is not going to finish (I12).
const WORK_MS: u32 = 60_000;
/// Time between the reply to a reset request and the reset, so that the reply is on the air.
const RESET_MS: u32 = 250;
/// A session whose owner was silent this long may be taken over by another link.
const OWNER_MS: u32 = 30_000;
/// Unhashed bytes from which hashing comes before new input, to bound the wait for the last reply.
const BACKLOG: u32 = 16 * 1024;
/// Where text and first data are kept in the scratch buffer: behind the longest reply head.
pub(crate) const CAPTURE: usize = 16;

/// No link has this number.
pub(crate) const GONE: u8 = 0xFE;

/// Nothing to do until input comes.
pub const IDLE: u32 = i32::MAX as u32;

/// Settings of a server.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Config {
    /// MCUboot's swap mode, as clients number it.
    pub bootloader_mode: u8,
    /// Largest packet told to clients; a link may allow less.
    pub frame_size: u32,
    pub frame_count: u32,
    /// Address of the primary slot for the CPU, if the reset vector is to be checked.
    pub exec_base: Option<u32>,
    /// Accept files that are no images.
    pub any_file: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Receive,
    Work(Job),
    Reply,
}

/// What to do with the bytes of `data`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Take {
    Undecided,
    Drop,
    /// To the slot, as the next bytes of the session.
    Stream,
    /// To the capture buffer: the beginning of a file.
    Capture,
    /// The offset is not known yet: both.
    Both,
}

/// The server. Small fields come first: they are reached with shorter instructions.
#[repr(C)]
pub struct Server<'a> {
    pub(crate) phase: Phase,
    pub(crate) take: Take,
    pub(crate) head_len: u8,
    /// Link of the request in hand.
    pub(crate) link: u8,
    /// Link that owns the upload session, or `GONE`.
    pub(crate) owner: u8,
    /// Known to fail before it is complete.
    pub(crate) verdict: Option<Fail>,
    pub(crate) powered: bool,
    pub(crate) reset_mode: u8,
    pub(crate) reset: Reset,
    pub(crate) captured: u16,
    /// Payload bytes of the request still to come.
    pub(crate) left: u16,
    pub(crate) reply_len: u16,
    pub(crate) header: Header,
    pub(crate) spec: &'static Spec,
    /// Length of the last data string: what the next one may need room for.
    pub(crate) chunk: u32,
    /// Length of the file that is being checked.
    pub(crate) total: u32,
    pub(crate) owner_seen: u32,
    pub(crate) last_input: u32,
    /// When the chip was last seen not erasing in the background.
    pub(crate) erase_since: u32,
    pub(crate) reset_at: u32,
    pub(crate) head: [u8; Header::SIZE],
    pub(crate) config: Config,
    pub(crate) writer: Writer<'a>,
    pub(crate) reader: Reader,
}

/// How far a reset request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reset {
    No,
    /// The reply has to be sent first.
    Wanted,
    /// Due at `reset_at`.
    Due,
}

impl<'a> Server<'a> {
    /// A server over a slot writer.
    pub fn new(config: Config, writer: Writer<'a>) -> Server<'a> {
        Server {
            phase: Phase::Receive,
            take: Take::Undecided,
            head_len: 0,
            link: GONE,
            owner: GONE,
            verdict: None,
            powered: false,
            reset_mode: 0,
            reset: Reset::No,
            captured: 0,
            left: 0,
            reply_len: 0,
            header: Header::default(),
            spec: &UNKNOWN,
            chunk: 0,
            total: 0,
            owner_seen: 0,
            last_input: 0,
            erase_since: 0,
            reset_at: 0,
            head: [0; Header::SIZE],
            config,
            writer,
            reader: Reader::new(),
        }
    }

    /// Bytes kept and total of the upload in progress.
    pub fn progress(&self) -> (u32, u32) {
        (self.writer.kept(), self.writer.total())
    }

    /// Whether a request is being worked on or a reply waits: `scratch` is in use.
    pub fn is_busy(&self) -> bool {
        self.phase != Phase::Receive || self.head_len != 0
    }

    /// Whether the request in hand needs more steps.
    pub fn is_working(&self) -> bool {
        matches!(self.phase, Phase::Work(_))
    }

    /// Whether `input` takes bytes of this link now.
    pub fn listens_to(&self, link: u8) -> bool {
        self.phase == Phase::Receive && (self.head_len == 0 || self.link == link)
    }

    /// The reply that waits to be sent, and its link.
    pub fn reply(&self) -> Option<(u8, &[u8])> {
        if self.phase != Phase::Reply {
            return None;
        }
        let reply = self.writer.scratch.get(..usize::from(self.reply_len))?;
        Some((self.link, reply))
    }

    /// The reply was sent, or cannot be.
    pub fn sent(&mut self, now: u32) {
        self.phase = Phase::Receive;
        if self.reset == Reset::Wanted {
            self.reset = Reset::Due;
            self.reset_at = now.wrapping_add(RESET_MS);
        }
    }

    /// A link is gone: drop its half request and its reply, and free its session. What it uploaded
    /// stays and can be continued by anybody.
    pub fn closed(&mut self, link: u8, now: u32) {
        if self.owner == link {
            self.owner = GONE;
        }
        if self.link == link {
            if self.phase == Phase::Reply {
                self.sent(now);
            }
            if self.phase == Phase::Receive {
                self.forget_request();
            }
            // Work goes on, but its reply must not reach whoever gets this number next.
            self.link = GONE;
        }
    }

    /// One bounded step. Returns in how many ms to call again; 0 is at once.
    pub fn step<H: Host>(&mut self, now: u32, host: &mut H) -> u32 {
        let wait = self.reset_at.wrapping_sub(now);
        if self.reset == Reset::Due && (wait == 0 || wait > RESET_MS) {
            self.reset = Reset::No;
            host.reset(self.reset_mode);
        }
        match self.phase {
            Phase::Work(_) if now.wrapping_sub(self.last_input) >= WORK_MS => {
                host.failed(Error::TIMEOUT);
                self.writer.give_up();
                self.answer_fail(crate::smp::image::ERASE_FAILED);
                0
            }
            Phase::Work(job) => {
                self.power(host);
                host.feed_watchdog();
                self.work(job, host);
                0
            }
            Phase::Reply => 0,
            Phase::Receive => self.idle(now, host),
        }
    }

    fn idle<H: Host>(&mut self, now: u32, host: &mut H) -> u32 {
        if self.head_len != 0 && now.wrapping_sub(self.last_input) >= PARTIAL_MS {
            self.forget_request();
        }
        if self.background(now, host) {
            return 0;
        }
        let mut wait = IDLE;
        if self.reset == Reset::Due {
            wait = self.reset_at.wrapping_sub(now);
        }
        if self.head_len != 0 {
            wait = wait.min(PARTIAL_MS - now.wrapping_sub(self.last_input));
        }
        wait
    }

    /// Whether hashing has fallen so far behind that it comes before new input.
    pub fn is_behind(&self) -> bool {
        self.writer.backlog() > BACKLOG
    }

    /// Work nobody waits for. While a request is arriving its text may lie in scratch.
    fn background<H: Host>(&mut self, now: u32, host: &mut H) -> bool {
        if self.head_len != 0 {
            return false;
        }
        if !self.writer.is_erasing() {
            self.erase_since = now;
        } else if now.wrapping_sub(self.erase_since) >= WORK_MS {
            host.failed(Error::TIMEOUT);
            self.writer.give_up();
        }
        let step = self.writer.background(host);
        if step == Err(Error::AGAIN) {
            host.feed_watchdog();
        } else if let Err(error) = step {
            host.failed(error);
            // A failure here shows again in the path a client waits for.
            self.writer.abort();
        }
        self.power(host);
        step == Err(Error::AGAIN)
    }

    /// Keep the flash powered as long as the writer has work.
    fn power<H: Host>(&mut self, host: &mut H) {
        let on = self.writer.is_awake();
        if on != self.powered {
            self.powered = on;
            host.power_lock(on);
        }
    }

    /// Answer with what `fill` writes.
    pub(crate) fn answer(&mut self, fill: impl FnOnce(&mut Reply<'_>)) {
        let mut reply = Reply::new(self.writer.scratch);
        fill(&mut reply);
        let len = reply.finish();
        self.conclude(len);
    }

    #[inline(never)]
    pub(crate) fn conclude(&mut self, len: Option<usize>) {
        match len {
            Some(len) => self.seal(len),
            None => self.answer_fail(Fail::smp(crate::smp::rc::MESSAGE_SIZE)),
        }
    }

    /// Answer with an empty map.
    pub(crate) fn answer_done(&mut self) {
        self.answer(|_| {});
    }

    /// Answer that it did not work.
    fn answer_fail(&mut self, fail: Fail) {
        let group = self.header.group;
        let version = self.header.version;
        let reason = fail.reason().filter(|_| self.is_upload());
        let mut reply = Reply::new(self.writer.scratch);
        match fail.group_code() {
            Some(code) if version != 0 => {
                reply.raw_number(b"\x63err\xBF\x65group", u32::from(group));
                reply.number("rc", u32::from(code));
                reply.end();
            }
            _ => {
                reply.number("rc", u32::from(fail.plain(group)));
                if let Some(reason) = reason {
                    reply.ascii("rsn", reason);
                }
            }
        }
        // 8 + 18 bytes: the smallest scratch buffer holds ten of these.
        let len = reply.finish().unwrap_or(Header::SIZE);
        self.seal(len);
    }

    fn seal(&mut self, len: usize) {
        let payload = len.saturating_sub(Header::SIZE) as u16;
        if let Some(head) = self.writer.scratch.first_chunk_mut() {
            *head = self.header.reply(payload);
        }
        self.reply_len = len as u16;
        self.phase = Phase::Reply;
    }
}
