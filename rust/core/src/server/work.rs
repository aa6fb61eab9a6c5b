//! Requests that need more than one step of flash work before they are answered.

use super::{Host, Phase, Server};
use crate::smp::{image, Fail};
use crate::upload::{Progress, Verdict};
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
    pub(super) fn work<H: Host>(&mut self, job: Job, host: &mut H) {
        let result = match job {
            Job::Prepare => self.prepare(host),
            Job::Advance => self.advance(host),
            Job::Finish => self.finish(host),
            Job::Erase => self.erase(host),
            Job::Verify { permanent } => self.verify(host, permanent),
            Job::Schedule { permanent } => self.schedule(host, permanent),
        };
        if let Err(fail) = result {
            self.writer.abort();
            self.answer_fail(fail);
        }
    }

    /// Answer an upload request with the offset wanted next.
    pub(crate) fn answer_offset(&mut self) {
        let off = self.writer.kept();
        self.answer(|reply| reply.number("off", off));
    }

    fn prepare<H: Host>(&mut self, host: &mut H) -> Result<(), Fail> {
        let (slots, page) = (&self.slots, &*self.page);
        let step = self.writer.prepare(host, slots, page, self.scratch);
        if step.map_err(erase_fail)? == Progress::Ready {
            self.received(host);
        }
        Ok(())
    }

    /// Bytes were kept: answer now if there is room for more, else make room first.
    pub(crate) fn received<H: Host>(&mut self, host: &mut H) {
        host.progress(self.writer.kept(), self.writer.total());
        if self.writer.is_full() {
            self.phase = Phase::Work(Job::Finish);
        } else if self.phase == Phase::Work(Job::Prepare) {
            self.answer_offset();
        } else {
            self.phase = Phase::Work(Job::Advance);
        }
    }

    fn advance<H: Host>(&mut self, host: &mut H) -> Result<(), Fail> {
        let step = self
            .writer
            .advance(host, &self.slots, self.chunk, self.scratch);
        if step.map_err(erase_fail)? == Progress::Ready {
            self.answer_offset();
        }
        Ok(())
    }

    fn finish<H: Host>(&mut self, host: &mut H) -> Result<(), Fail> {
        let total = self.writer.total();
        let (slots, page) = (&self.slots, &mut *self.page);
        let step = self.writer.finish(host, slots, page, self.scratch);
        match step.map_err(|_| image::WRITE_FAILED)? {
            Verdict::More => Ok(()),
            Verdict::Bad => Err(image::INVALID_HASH),
            Verdict::Good => {
                self.owner = None;
                // Only a file that was checked as an image may claim to match.
                let checked = self.writer.is_verified() && !self.config.any_file;
                self.answer(|reply| {
                    reply.number("off", total);
                    if checked {
                        reply.boolean("match", true);
                    }
                });
                Ok(())
            }
        }
    }

    fn erase<H: Host>(&mut self, host: &mut H) -> Result<(), Fail> {
        let step = self.writer.wipe(host, &self.slots, self.scratch);
        if step.map_err(erase_fail)? == Progress::Ready {
            self.answer(|_| {});
        }
        Ok(())
    }

    fn verify<H: Host>(&mut self, host: &mut H, permanent: bool) -> Result<(), Fail> {
        let step = self.writer.verify(host, &self.slots, self.scratch);
        match step.map_err(|_| image::READ_FAILED)? {
            Verdict::More => {}
            Verdict::Good => self.phase = Phase::Work(Job::Schedule { permanent }),
            Verdict::Bad => return Err(image::INVALID_HASH),
        }
        Ok(())
    }

    fn schedule<H: Host>(&mut self, host: &mut H, permanent: bool) -> Result<(), Fail> {
        match self.slots.set_pending(host, permanent) {
            Ok(()) => self.image_state(host),
            Err(Error::AGAIN) => Ok(()),
            Err(_) => Err(image::UNKNOWN),
        }
    }
}

fn erase_fail(_: Error) -> Fail {
    image::ERASE_FAILED
}
