//! Faults of a chip that a test plans ahead.

/// A fault to inject. The number counts calls from now, 0 is the next one; it strikes once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A read returns an error.
    Read(u32),
    /// A read returns success and wrong bytes.
    Garble(u32),
    /// A write returns an error and does nothing.
    Write(u32),
    /// A write returns success and does nothing.
    LostWrite(u32),
    /// An erase returns an error and does nothing.
    Erase(u32),
    /// An erase returns success and does nothing.
    LostErase(u32),
}

impl Fault {
    fn count(&mut self) -> &mut u32 {
        match self {
            Fault::Read(n)
            | Fault::Garble(n)
            | Fault::Write(n)
            | Fault::LostWrite(n)
            | Fault::Erase(n)
            | Fault::LostErase(n) => n,
        }
    }
}

/// The planned faults of one chip.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Count the faults of one kind down; true when one strikes.
    pub(crate) fn strike(&mut self, kind: fn(u32) -> Fault) -> bool {
        let kind = std::mem::discriminant(&kind(0));
        let mut hit = false;
        self.0.retain_mut(|fault| {
            if std::mem::discriminant(fault) != kind {
                return true;
            }
            let left = fault.count();
            let strikes = *left == 0;
            *left = left.saturating_sub(1);
            hit |= strikes;
            !strikes
        });
        hit
    }
}
