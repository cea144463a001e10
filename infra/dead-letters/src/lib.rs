//! Dead letters are a workflow: what could not be handled is looked at, handed over again, or dropped.
//!
//! [`DeadLetterClient`] finds the dead-letter queues of a stack and where the letters of each belong: back into the queue they came
//! from, or to the function that put them aside, as a record of its stream. It needs no list of them; a queue that is new
//! in the template is found.
//!
//! To look at a letter is to receive it: nobody else sees it meanwhile, for two minutes at most should the tool die. A letter
//! that is handed over is deleted only then. So one can be handed over twice, which who takes it must bear anyway, but none
//! gets lost. For the same reason there is no use of SQS's own redrive: it knows nothing of functions, nor of letters that
//! were sent to the queue rather than moved to it, as a rule of the bus and the worker do.

mod client;
mod dead_letter;
mod stack;

pub use client::{DeadLetterClient, DeadLetterError, Lease};
pub use dead_letter::DeadLetter;
pub use stack::{Destination, LetterQueue};
