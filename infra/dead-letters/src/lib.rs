//! Dead letters are a workflow: an operator looks at them, redrives them, or drops them.
//!
//! [`DeadLetterClient`] finds the dead-letter queues of a stack and the destination of the letters of each. A
//! destination is the queue they came from, or the function that sent them here, as a record of its stream. It needs no
//! list: a queue that is new in the template is found.
//!
//! To look at a letter is to receive it: no other reader sees it meanwhile, for two minutes at most if the tool dies. A
//! letter is deleted only after it was redriven. So a letter can be redriven twice, which its receiver must bear
//! anyway, but none gets lost. A letter in the failures bucket has a lease of its own, an object beside it.
//!
//! SQS's own redrive is not used, for the same reason. It knows neither functions nor letters that were sent to the
//! queue rather than moved to it, by a rule of the bus or by the worker.

mod bucket;
mod client;
mod dead_letter;
mod failure;
mod operator;
mod stack;

pub use bucket::LetterBucket;
pub use client::{DeadLetterClient, DeadLetterError, Lease};
pub use dead_letter::DeadLetter;
pub use operator::{Act, Operator, OperatorError};
pub use stack::{Destination, LetterPlaces, LetterQueue};
