interface OptionCommon {
  readonly help: string;
  /** One letter that stands for the option. */
  readonly short?: string;
  /** Shown in brackets in the help; what happens when the option is not given. */
  readonly unset?: string;
  /** Where the value goes in the experiment, such as `dataset.ways`; absent: not part of it. */
  readonly path?: string;
  /** An experiment may be without the field. */
  readonly isOptional?: boolean;
}

/** How an option is declared. */
export type OptionSpec = OptionCommon &
  (
    | { readonly type: "flag" }
    | { readonly type: "text"; readonly value: string; readonly fallback?: string }
    | {
        readonly type: "choice";
        readonly choices: readonly string[];
        readonly fallback?: string;
        /** What stands for the choices before the help text, which then has to name them. */
        readonly value?: string;
      }
    | {
        readonly type: "integer";
        readonly min: number;
        readonly max?: number;
        readonly fallback?: number;
      }
    /** A time such as 20ms, 1.5s, 10m or 1h; its value is in ms. */
    | { readonly type: "duration"; readonly fallback?: string }
    /** A number greater than `above`, and at most `max`. */
    | { readonly type: "number"; readonly above: number; readonly max?: number; readonly fallback?: number }
  );
