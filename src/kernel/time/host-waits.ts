/**
 * How many waits only the host can end: guests that wait for what it sends, or for it to take what they
 * send. While there are any, not every guest waits for nothing but time, and virtual time does not leap.
 */
export class HostWaits {
  private _count = 0;

  get any(): boolean {
    return this._count > 0;
  }

  /** One more; the result ends it. */
  begin(): () => void {
    this._count++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this._count--;
    };
  }
}
