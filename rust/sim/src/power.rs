//! The supply of a board: a budget of write and erase operations, and what is left of the
//! operation during which it runs out.

/// How much of the operation at the cut reaches the flash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Nothing.
    Clean,
    /// Half of the bytes written and half of the bits of the next one; half of the sector erased.
    Torn,
    /// Everything, but the caller never learns it.
    Done,
    /// This many bytes of a write, or of an erase.
    Bytes(u32),
}

impl Cut {
    /// The three points that every operation is cut at.
    pub const ALL: [Cut; 3] = [Cut::Clean, Cut::Torn, Cut::Done];
}

/// What happens to one operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It runs.
    Whole,
    /// Power goes away during it.
    Cut(Cut),
    /// Power was away before.
    Off,
}

/// Shared by all chips of a board.
#[derive(Clone, Copy, Debug)]
pub struct Power {
    on: bool,
    left: Option<(u32, Cut)>,
    operations: u32,
}

impl Default for Power {
    fn default() -> Self {
        Power {
            on: true,
            left: None,
            operations: 0,
        }
    }
}

impl Power {
    /// `operations` more writes and erases work; the next one is cut.
    pub fn cut_after(&mut self, operations: u32, how: Cut) {
        self.left = Some((operations, how));
    }

    /// Power is back; no further cut is planned.
    pub fn power_on(&mut self) {
        self.on = true;
        self.left = None;
    }

    /// Is there power?
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Writes and erases started so far.
    pub fn operations(&self) -> u32 {
        self.operations
    }

    /// Account for one write or erase.
    pub(crate) fn operation(&mut self) -> Outcome {
        if !self.on {
            return Outcome::Off;
        }
        self.operations += 1;
        match self.left.take() {
            None => Outcome::Whole,
            Some((0, how)) => {
                self.on = false;
                Outcome::Cut(how)
            }
            Some((left, how)) => {
                self.left = Some((left - 1, how));
                Outcome::Whole
            }
        }
    }
}
