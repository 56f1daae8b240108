//! Sessions, and who may use them: a pool of complete sets, one of which a caller checks out for a whole analysis.
//!
//! A session must not run twice at once, so there are as many sets as analyses may run at a time. The nets run on the
//! caller's own thread: no hand-over, warm caches, and no thread of ours that could spin.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ort::session::Session;
use ort::value::TensorRef;

use crate::engine::Error;
use crate::manifest::{ModelCard, Pack};
use crate::runtime::{self, PrepackedWeights, Runtime, RuntimeError};

/// How sessions are made.
pub(crate) struct Loader<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) pack: &'a Pack,
    pub(crate) threads: usize,
    pub(crate) weights: &'a PrepackedWeights,
}

impl Loader<'_> {
    /// Verifies and loads the `nth` net of a task.
    pub(crate) fn net(&self, task: &str, nth: usize) -> Result<Net, Error> {
        let card = self.pack.card(task, nth)?.clone();
        let session = self.runtime.session(&self.pack.read(&card)?, self.threads, self.weights)?;
        runtime::check(&card, &session)?;
        Ok(Net {
            card,
            session,
            tensor: Vec::new(),
            shape: Vec::new(),
            outputs: Vec::new(),
            spent: Duration::ZERO,
            runs: 0,
        })
    }
}

/// One loaded net with the memory for its input and outputs, which is used again and again.
pub(crate) struct Net {
    card: ModelCard,
    session: Session,
    tensor: Vec<f32>,
    shape: Vec<usize>,
    outputs: Vec<Vec<f32>>,
    spent: Duration,
    runs: u32,
}

impl Net {
    /// What the manifest says of it.
    pub(crate) fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The input tensor, `len` values, to be filled before [`Net::run`]. It holds what the last caller left.
    pub(crate) fn input(&mut self, len: usize) -> &mut [f32] {
        self.tensor.resize(len, 0.0);
        &mut self.tensor
    }

    /// Runs the net on its input tensor and gives the outputs in the order of the graph.
    ///
    /// # Errors
    /// [`RuntimeError::Ort`] when the runtime refuses, as it does for a shape that is not the input's.
    pub(crate) fn run(&mut self, shape: &[usize]) -> Result<&[Vec<f32>], RuntimeError> {
        let start = Instant::now();
        let outputs = self.session.run(ort::inputs![TensorRef::from_array_view((shape, &*self.tensor))?])?;
        self.spent += start.elapsed();
        self.runs += 1;
        self.shape.clear();
        self.shape.extend_from_slice(shape);
        self.outputs.resize_with(outputs.len(), Vec::new);
        for (to, (_, value)) in self.outputs.iter_mut().zip(outputs.iter()) {
            to.clear();
            to.extend_from_slice(value.try_extract_tensor::<f32>()?.1);
        }
        Ok(&self.outputs)
    }

    /// Runs the net `rounds` times on the input of its last run; the smallest time of a run.
    pub(crate) fn again(&mut self, rounds: usize) -> Result<Duration, RuntimeError> {
        let shape = self.shape.clone();
        let mut times = Vec::with_capacity(rounds);
        for _ in 0..rounds.max(1) {
            self.take_spent();
            self.run(&shape)?;
            times.push(self.take_spent().0);
        }
        Ok(times.into_iter().min().unwrap_or_default())
    }

    /// Time in `Session::run` and number of runs since the last call.
    pub(crate) fn take_spent(&mut self) -> (Duration, u32) {
        (std::mem::take(&mut self.spent), std::mem::take(&mut self.runs))
    }
}

/// Sets of something that only one caller at a time may use.
pub(crate) struct Pool<T> {
    sets: Box<[Mutex<T>]>,
    free: Mutex<Vec<usize>>,
    returned: Condvar,
}

impl<T> Pool<T> {
    pub(crate) fn new(sets: Vec<T>) -> Self {
        let free = Mutex::new((0..sets.len()).collect());
        Self { sets: sets.into_iter().map(Mutex::new).collect(), free, returned: Condvar::new() }
    }

    /// A set; waits until one is free.
    pub(crate) fn checkout(&self) -> Checkout<'_, T> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = loop {
            match free.pop() {
                Some(slot) => break slot,
                None => free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner),
            }
        };
        // A set that somebody panicked with is as good as any: every run starts by filling its input anew.
        let set = self.sets[slot].lock().unwrap_or_else(PoisonError::into_inner);
        Checkout { set, _slot: Slot { slot, free: &self.free, returned: &self.returned } }
    }
}

/// A set that goes back to its pool when dropped.
pub(crate) struct Checkout<'a, T> {
    set: MutexGuard<'a, T>,
    // After the guard: a slot is free once its set is unlocked.
    _slot: Slot<'a>,
}

struct Slot<'a> {
    slot: usize,
    free: &'a Mutex<Vec<usize>>,
    returned: &'a Condvar,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.slot);
        self.returned.notify_one();
    }
}

impl<T> Deref for Checkout<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.set
    }
}

impl<T> DerefMut for Checkout<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_has_one_user_at_a_time_and_a_panic_loses_none() {
        let pool = Pool::new(vec![0_u32, 0]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        *pool.checkout() += 1;
                    }
                });
            }
        });
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _set = pool.checkout();
            panic!("on purpose");
        }));
        assert!(broken.is_err());
        let (a, b) = (pool.checkout(), pool.checkout());
        assert_eq!(*a + *b, 2000);
    }
}
