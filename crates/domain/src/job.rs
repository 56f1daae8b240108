//! Where a durable job is.

use crate::words;

words! {
    /// The state of a durable job.
    JobState {
        /// Waits until it is due and a worker is free.
        Ready = "ready",
        /// A worker has it, until its lease ends.
        Leased = "leased",
        /// Ended well; its effect is in the database.
        Done = "done",
        /// Given up; waits for a person.
        Dead = "dead",
    }
}
