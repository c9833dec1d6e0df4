//! Actors: a value that stays on a worker, and methods that are called there, by drivers and by tasks.
//!
//! Calls go from caller to worker, and cost the application master nothing. The state begins as the result of a task; what
//! methods make of it is nowhere else. When its worker is lost, so is the state: calls fail with [`ActorError::Gone`], and
//! [`Actor::renew`] begins again with what it was at first.

use std::fmt;
use std::marker::PhantomData;

use bobbin_proto::{self as wire, Message as _};
use bobbin_task::function::{Bytes, Method, Value, ValueError};
use serde::{Deserialize, Serialize};

use crate::fetch::{Fetcher, ResultError};
use crate::futures::{Arguments, Future, FutureError, IntoArguments, TaskOptions};
use crate::nested::{Home, aside};
use crate::session::Session;

/// An actor with a state of the type `S`. It can be given to tasks, and through variables and queues: those call the same
/// state.
///
/// The state lives as long as the actor that [`Session::actor`] gave, or a clone of it.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Actor<S> {
    name: String,
    /// The application's number of the task whose result the state was made of.
    result: u32,
    /// Where its worker listens.
    address: String,
    incarnation: u64,
    #[serde(skip)]
    keeper: Option<Future<S>>,
    /// The way to its worker; a task has its own.
    #[serde(skip)]
    fetcher: Option<Fetcher>,
    #[serde(skip)]
    of: PhantomData<fn() -> S>,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum ActorError {
    /// The state is gone with its worker, or its actor was dropped.
    #[error("actor {actor}: its state is gone, with all that calls have made of it: {why}; Actor::renew begins anew")]
    Gone {
        /// What the actor is called.
        actor: String,
        /// What happened.
        why: String,
    },
    /// The connection broke. The method was called, or not.
    #[error(
        "actor {actor}: the connection to its worker at {address} broke; nobody knows whether the method was called"
    )]
    Broken {
        /// What the actor is called.
        actor: String,
        /// host:port of its worker.
        address: String,
        /// What happened.
        #[source]
        source: Box<ResultError>,
    },
    /// The method fails.
    #[error("actor {actor}: {message}")]
    Failed {
        /// What the actor is called.
        actor: String,
        /// What it says.
        message: String,
    },
    /// An argument is none that a method can take.
    #[error("actor {actor}: {message}")]
    Argument {
        /// What the actor is called.
        actor: String,
        /// What is wrong with it.
        message: String,
    },
    /// The result is of another type.
    #[error("actor {actor}: read the result")]
    Decode {
        /// What the actor is called.
        actor: String,
        /// What is wrong.
        #[source]
        source: ValueError,
    },
    /// The actor came as a value, and this is no task: nobody knows the way.
    #[error("actor {0}: this is no task; use Actor::through(&session) first")]
    NoSession(String),
    /// Its first state cannot be had.
    #[error(transparent)]
    State(#[from] FutureError),
}

impl<S> Clone for Actor<S> {
    fn clone(&self) -> Self {
        Actor {
            name: self.name.clone(),
            result: self.result,
            address: self.address.clone(),
            incarnation: self.incarnation,
            keeper: self.keeper.clone(),
            fetcher: self.fetcher.clone(),
            of: PhantomData,
        }
    }
}

impl<S> fmt::Debug for Actor<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Actor({} at {})", self.name, self.address)
    }
}

/// What an actor's state begins as: the result of a task, again, for this actor alone.
#[bobbin_macros::task(crate = crate, name = "bobbin::state", pure = false)]
fn first_state(bytes: Bytes) -> Bytes {
    bytes
}

impl Session {
    /// An actor whose state begins as the result of this future, which it does not change: `session.actor(session.submit(new,
    /// (10,)))`. It is there, on some worker, when this returns.
    ///
    /// # Errors
    /// When the future has no result.
    pub async fn actor<S: Value>(&self, state: Future<S>) -> Result<Actor<S>, ActorError> {
        let bytes: Future<Bytes> = state.read_as();
        let keeper = self.submit_with::<first_state>((bytes,), &TaskOptions::default()).read_as::<S>();
        Actor::of(keeper).await
    }
}

impl<S: Value> Actor<S> {
    async fn of(keeper: Future<S>) -> Result<Actor<S>, ActorError> {
        let mut stale = None;
        loop {
            let (announced, ready) = keeper.announced(stale).await?;
            let name = format!("{} {}", std::any::type_name::<S>(), &keeper.key()[..8]);
            let address = ready.holders.first().map(|holder| holder.fetch_address.clone()).unwrap_or_default();
            let call = wire::StateCall { task: ready.result, ..wire::StateCall::default() };
            let (fetcher, worker, master) = (keeper.fetcher().clone(), address.clone(), ready.master);
            match aside(async move { fetcher.call(&worker, (master, call)).await }).await {
                Ok((reply, _)) if reply.error.is_empty() => {
                    let (result, incarnation) = (ready.result, reply.incarnation);
                    let fetcher = Some(keeper.fetcher().clone());
                    let keeper = Some(keeper);
                    return Ok(Actor { name, result, address, incarnation, keeper, fetcher, of: PhantomData });
                }
                // Its worker has gone already: it is made again.
                Ok((reply, _)) => keeper.is_unreadable(&ready, &reply.error).await,
                Err(error) => keeper.is_unreadable(&ready, &crate::session::describe(&error)).await,
            }
            stale = Some(announced);
        }
    }

    /// The actor with its first state again, after it was lost. What calls had made of it is forgotten; others that have the
    /// lost one need the new one.
    ///
    /// # Errors
    /// When the state cannot be made again, or this one came as a value: only who has made the actor can renew it.
    pub async fn renew(&self) -> Result<Actor<S>, ActorError> {
        let keeper = self.keeper.clone().ok_or_else(|| ActorError::NoSession(self.name.clone()))?;
        Actor::of(keeper).await
    }

    /// Calls a method, after those that were called before: `actor.call(add, (1,)).await`.
    ///
    /// # Errors
    /// When the method fails, or the state is gone.
    pub async fn call<M: Method<State = S>>(
        &self,
        _: M,
        arguments: impl IntoArguments<M::Args>,
    ) -> Result<M::Output, ActorError> {
        let mut given = Arguments::default();
        arguments.add_to(&mut given);
        let actor = || self.name.clone();
        let call = given.values().map_err(|message| ActorError::Argument { actor: actor(), message })?;
        let method = wire::Function { name: M::NAME.into(), version: M::VERSION, signature: M::signature() };
        let (task, incarnation) = (self.result, self.incarnation);
        let state_call = wire::StateCall { task, incarnation, method: Some(method), call: Some(call) };
        if state_call.encoded_len() + 1024 > wire::MAX_FRAME {
            let message = "the arguments are larger than a message may be: let the method read them".to_owned();
            return Err(ActorError::Argument { actor: actor(), message });
        }
        let (fetcher, address) = (self.way()?, self.address.clone());
        let pause = bobbin_task::running().map(|task| task.pauses.begin());
        // The incarnation says which state: its result may have another number by now.
        let answered = aside(async move { fetcher.call(&address, (0, state_call)).await }).await;
        drop(pause);
        match answered {
            Ok((reply, bytes)) if reply.error.is_empty() => {
                M::Output::decode(bytes).map_err(|source| ActorError::Decode { actor: actor(), source })
            }
            Ok((reply, _)) if reply.gone => Err(ActorError::Gone { actor: actor(), why: reply.error }),
            Ok((reply, _)) => Err(ActorError::Failed { actor: actor(), message: reply.error }),
            Err(error @ (ResultError::Dial { .. } | ResultError::NoHolder { .. } | ResultError::Local { .. })) => {
                Err(ActorError::Gone { actor: actor(), why: crate::session::describe(&error) })
            }
            Err(source @ (ResultError::Fetch { .. } | ResultError::Silent { .. })) => {
                Err(ActorError::Broken { actor: actor(), address: self.address.clone(), source: Box::new(source) })
            }
        }
    }

    /// The way to its worker.
    fn way(&self) -> Result<Fetcher, ActorError> {
        if let Some(fetcher) = &self.fetcher {
            return Ok(fetcher.clone());
        }
        let home = Home::of_running_task().ok_or_else(|| ActorError::NoSession(self.name.clone()))?;
        home.fetcher().map_err(|error| ActorError::Gone { actor: self.name.clone(), why: error.to_string() })
    }
}

impl<S> Actor<S> {
    /// An actor that came as a value (from a variable, from a queue), called through this session from now on.
    #[must_use]
    pub fn through(self, session: &Session) -> Actor<S> {
        Actor { fetcher: Some(session.fetcher.clone()), ..self }
    }
}
