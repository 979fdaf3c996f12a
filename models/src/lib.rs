//! Models of mccache's rules, small enough to be checked in every state they can reach.
//!
//! A model is the rule and nothing else: no bytes, no sockets, no threads. `stateright` walks all orders in which things can
//! happen and shows the shortest way to a state that breaks a promise. Each rule can be broken on purpose, one [`Break`] at a
//! time, and a test expects the checker to notice; what a model's states have in common with the code is shown by playing
//! the same steps on the library's own stores. Sizes and numbers of states: docs/TESTING.md.
//!

pub mod bars;
pub mod fills;
pub mod horizon;
