/** The contract of a schedule: the learning rate's factor as a function of progress alone. */
export interface Schedule {
  readonly kind: string;
  /**
   * @param progress steps done over steps planned, 0 ≤ progress < 1
   * @returns a factor of the learning rate
   */
  factor(progress: number): number;
}
