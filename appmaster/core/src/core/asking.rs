//! Questions of drivers: who answers which, and those that wait.

use crate::action::Action;
use crate::commons::{Answers, Asker};
use crate::questions::{Answer, Question};

use super::Core;

impl Core {
    /// A driver asks for something that all share.
    pub(super) fn asked(&mut self, asker: Asker, question: Question) {
        let answer = match question {
            Question::Publish { name, kind, entries } => self.publish(asker.0, (name, kind), entries),
            Question::Unpublish { name } => self.unpublish(&name),
            Question::Open { name } => return self.open(asker, &name),
            Question::List => Answer::Names(self.datasets.names()),
            Question::Explain { job, index } => {
                let known = self.jobs.get(job).filter(|row| index < row.len());
                about_task(known.map(|row| self.explain(self.now, row.task_id(index))))
            }
            Question::Story { job, index } => about_task(self.story_of(job, index)),
            Question::Dump => Answer::Text(self.dump(self.now)),
            Question::Place(placing) => return self.place(asker, placing),
            Question::Workers => Answer::Workers(self.worker_statuses()),
            Question::Detach { tasks } => self.detach(asker.0, tasks),
            question @ (Question::Set { .. }
            | Question::Get { .. }
            | Question::Delete { .. }
            | Question::Push { .. }
            | Question::Pop { .. }
            | Question::PutBack { .. }
            | Question::Count { .. }
            | Question::Acquire { .. }
            | Question::Release { .. }) => {
                let answers = self.commons.ask(self.now, asker, question);
                return self.answer(answers);
            }
        };
        self.answer(vec![(asker, answer)]);
    }

    /// A driver waits no more.
    pub(super) fn question_withdrawn(&mut self, asker: Asker) {
        if self.withdraw_placement(asker) {
            return self.answer(vec![(asker, Answer::TimedOut)]);
        }
        let answers = self.commons.withdraw(asker);
        self.answer(answers);
    }

    /// Questions whose time is over are answered.
    pub(super) fn check_questions(&mut self) {
        let answers = self.commons.expire(self.now);
        self.answer(answers);
    }

    pub(super) fn answer(&mut self, answers: Answers) {
        for ((driver, request), answer) in answers {
            self.act(Action::Answer { driver, request, answer });
        }
    }
}

/// Words about a task, if it is known.
fn about_task(words: Option<String>) -> Answer {
    let unknown = || "the task is not known any more: its job is over, and its results released".to_owned();
    words.map_or_else(|| Answer::Refused(unknown()), Answer::Text)
}
