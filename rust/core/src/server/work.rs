//! Requests that need more than one step of flash work before they are answered.

use super::{Host, Phase, Server, GONE};
use crate::smp::image;
use crate::Error;

/// What the request in hand waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Job {
    /// First request of an upload: trailer erased, resume point found, room for data.
    Prepare,
    /// Later request: room for one more.
    Advance,
    /// Last request: read back and hash.
    Finish,
    /// Erase request: trailer and header.
    Erase,
    /// Test or confirm of an image that was not hashed since start.
    Verify { permanent: bool },
    /// Write the trailer.
    Schedule { permanent: bool },
}

impl Server<'_> {
    pub(crate) fn work<H: Host>(&mut self, job: Job, host: &mut H) {
        let (step, failed) = match job {
            Job::Prepare => (self.writer.prepare(host), image::ERASE_FAILED),
            Job::Advance => (self.writer.advance(host, self.chunk), image::ERASE_FAILED),
            Job::Finish => (self.writer.finish(host), image::WRITE_FAILED),
            Job::Erase => (self.writer.wipe(host), image::ERASE_FAILED),
            Job::Verify { .. } => (self.writer.verify(host), image::READ_FAILED),
            Job::Schedule { permanent } => (
                self.writer.slots.set_pending(host, permanent),
                image::UNKNOWN,
            ),
        };
        match step {
            Ok(()) => self.done(job, host),
            Err(Error::AGAIN) => {}
            Err(error) => {
                host.failed(error);
                self.writer.abort();
                self.answer_fail(match error {
                    Error::BADIMAGE => image::INVALID_HASH,
                    _ => failed,
                });
            }
        }
    }

    /// The flash work of a request is done.
    fn done<H: Host>(&mut self, job: Job, host: &mut H) {
        match job {
            Job::Prepare => self.received(host, true),
            Job::Advance => self.answer_offset(),
            Job::Finish => self.finished(),
            Job::Erase => self.answer_done(),
            Job::Verify { permanent } => self.phase = Phase::Work(Job::Schedule { permanent }),
            Job::Schedule { .. } => self.image_state(host),
        }
    }

    /// Answer an upload request with the offset wanted next.
    #[inline(never)]
    pub(crate) fn answer_offset(&mut self) {
        let off = self.writer.kept();
        self.answer(|reply| reply.number("off", off));
    }

    /// Bytes were kept: answer now if there is room for more, else make room first.
    pub(crate) fn received<H: Host>(&mut self, host: &mut H, has_room: bool) {
        let (kept, total) = self.progress();
        host.progress(kept, total);
        if kept == total {
            self.total = total;
            self.phase = Phase::Work(Job::Finish);
        } else if has_room {
            self.answer_offset();
        } else {
            self.phase = Phase::Work(Job::Advance);
        }
    }

    /// The slot holds what was promised. Only a file that was checked as an image may claim to
    /// match.
    fn finished(&mut self) {
        self.owner = GONE;
        let (total, checked) = (self.total, self.writer.is_verified());
        self.answer(|reply| {
            reply.number("off", total);
            if checked {
                reply.boolean("match", true);
            }
        });
    }
}
