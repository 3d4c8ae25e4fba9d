// Reads and verifies event journals, without a daemon.
export { formatJournalLine, formatJournalReport, readJournal, type JournalLine } from './journal/show-journal.ts';
export type { JournalProblem, ProblemKind } from './journal/verifier.ts';
export { verifyJournal, type JournalReport, type VerifyJournalOptions } from './journal/verify-journal.ts';
