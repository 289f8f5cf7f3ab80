/// The keys of nohang's configuration: those of 0.2 and 0.3, and their older names.
enum NohangKeys {
  /// The new name of each older name. The value is written in the same way.
  static let renamed: [String: String] = [
    // Names of 0.1 and of the time after it, until August 2019.
    "mem_min_sigterm": "soft_threshold_min_mem", "mem_min_sigkill": "hard_threshold_min_mem",
    "swap_min_sigterm": "soft_threshold_min_swap", "swap_min_sigkill": "hard_threshold_min_swap",
    "zram_max_sigterm": "soft_threshold_max_zram", "zram_max_sigkill": "hard_threshold_max_zram",
    "sigterm_psi_threshold": "soft_threshold_max_psi", "sigkill_psi_threshold": "hard_threshold_max_psi",
    "sigterm_psi_avg10": "soft_threshold_max_psi", "sigkill_psi_avg10": "hard_threshold_max_psi",
    "psi_avg10_sleep_time": "psi_post_action_delay", "psi_avg_warnings": "warning_threshold_max_psi",
    "mem_min_warnings": "warning_threshold_min_mem", "swap_min_warnings": "warning_threshold_min_swap",
    "zram_max_warnings": "warning_threshold_max_zram", "min_time_between_warnings": "min_post_warning_delay",
    "gui_low_memory_warnings": "low_memory_warnings_enabled", "low_memory_warnings": "low_memory_warnings_enabled",
    "gui_notifications": "post_action_gui_notifications", "desktop_notifications": "post_action_gui_notifications",
    "max_post_sigterm_victim_lifetime": "max_soft_exit_time", "min_delay_after_sigterm": "post_soft_action_delay",
    "oom_score_min": "min_badness", "rate_mem": "fill_rate_mem", "rate_swap": "fill_rate_swap",
    "rate_zram": "fill_rate_zram", "min_sleep_time": "min_sleep", "max_sleep_time": "max_sleep",
    "max_ancestry_depth": "max_victim_ancestry_depth", "print_config": "print_config_at_startup",
    "print_total_stat": "print_statistics", "print_victim_info": "print_victim_status", "psi_debug": "debug_psi",
    "print_sleep_periods": "debug_sleep",
  ]

  /// Older names whose value means the opposite.
  static let reversed: [String: String] = [
    "ignore_psi": "psi_checking_enabled", "ignore_zram": "zram_checking_enabled",
  ]

  /// Older names of `@BADNESS_ADJ_RE_…`, with the property and the switch that turned the lines on.
  static let adjustments: [String: (property: String, isOnBy: String)] = [
    "@PROCESSNAME_RE": ("NAME", "regex_matching"), "@CMDLINE_RE": ("CMDLINE", "re_match_cmdline"),
    "@UID_RE": ("UID", "re_match_uid"), "@CGROUP_RE": ("CGROUP_V1", "re_match_cgroup"),
    "@REALPATH_RE": ("REALPATH", "re_match_realpath"), "@ENVIRON_RE": ("ENVIRON", "re_match_environ"),
  ]

  /// An older beginning of `@SOFT_ACTION_RE_…`.
  static let softAction = "@EXE_INSTEAD_OF_SIGTERM_RE_"
  /// An older soft action, which matches a whole name.
  static let softActionByName = "$ETC"
  static let softActionsAreOnBy = "execute_the_command"

  /// The settings that the import converts.
  private static let understood: Set<String> = [
    "soft_threshold_min_mem", "soft_threshold_min_swap", "hard_threshold_min_mem", "hard_threshold_min_swap",
    "psi_checking_enabled", "psi_metrics", "psi_path", "psi_excess_duration", "soft_threshold_max_psi",
    "hard_threshold_max_psi", "ignore_positive_oom_score_adj", "max_soft_exit_time", "min_badness", "warning_exe",
    "post_kill_exe", "exe_timeout", softActionsAreOnBy, "prefer_regex", "prefer_factor", "avoid_regex", "avoid_factor",
  ]

  static func isKnown(_ key: String) -> Bool {
    understood.contains(key) || renamed[key] != nil || reversed[key] != nil
      || adjustments.values.contains { $0.isOnBy == key } || behind.contains { $0.keys.contains(key) }
  }

  /// Whether a line that begins with this word is one of nohang's.
  static func isKnownMark(_ mark: String) -> Bool {
    mark == softActionByName || adjustments[mark] != nil || mark.hasPrefix("@BADNESS_ADJ_RE_")
      || mark.hasPrefix("@SOFT_ACTION_RE_") || mark.hasPrefix(softAction)
      || behind.contains { $0.keys.contains(mark) }
  }

  /// The settings that are not carried over, and why.
  static let behind: [(keys: [String], why: String)] = [
    (
      [
        "zram_checking_enabled", "warning_threshold_max_zram", "soft_threshold_max_zram", "hard_threshold_max_zram",
      ],
      "zram has no trigger of its own; free swap on zram counts by how much memory it would free"
    ),
    (
      [
        "low_memory_warnings_enabled", "warning_threshold_min_mem", "warning_threshold_min_swap",
        "warning_threshold_max_psi", "min_post_warning_delay", "env_cache_time", "post_action_gui_notifications",
        "hide_corrective_action_type", "notify_options", "display", "root_display",
      ],
      "nothing is shown on a desktop, and there is no warning threshold; hooks.warn is started when a trigger is true"
    ),
    (
      [
        "psi_post_action_delay", "post_soft_action_delay", "post_zombie_delay", "victim_cache_time",
        "min_delay_after_sigkill",
      ],
      "the next victim is chosen when the last one has died, from what is read then"
    ),
    (
      ["fill_rate_mem", "fill_rate_swap", "fill_rate_zram", "max_sleep", "min_sleep", "over_sleep"],
      "the time to the next look is computed from the memory that is left, and from the fastest rate seen"
    ),
    (
      [
        "print_config_at_startup", "print_mem_check_results", "min_mem_report_interval", "print_proc_table",
        "extra_table_info", "print_victim_status", "print_victim_cmdline", "max_victim_ancestry_depth",
        "print_statistics", "debug_psi", "debug_gui_notifications", "debug_sleep", "debug_threading", "separate_log",
        "logging", "logfile",
      ],
      "each decision is recorded with its reasons, which the policy does not change; see docs/record.md"
    ),
    (["@check_kmsg", "@debug_kmsg"], "the kernel's messages are not read"),
    (
      [
        "mlockall", "niceness", "oom_score_adj", "self_nice", "self_oom_score_adj", "realtime_ionice",
        "realtime_ionice_classdata",
      ],
      "the agent locks its memory and takes real-time priority and oom_score_adj −1000 by itself"
    ),
    (
      [
        "decrease_oom_score_adj", "decrease_oom_score_adj_enable", "oom_score_adj_max", "oom_score_adj_before",
        "oom_score_adj_after",
      ],
      """
      an old key of nohang: no process's oom_score_adj is changed; badness.oom_score_adj = "protect-only" counts \
      positive ones as 0
      """
    ),
    (["forbid_negative_badness"], "no score is negative"),
    (
      [
        "prefer_re_cmdline", "prefer_cmd_factor", "avoid_re_cmdline", "avoid_cmd_factor", "prefer_re_uid",
        "prefer_uid_factor", "avoid_re_uid", "avoid_uid_factor", "preferlist_regex", "preferlist_factor",
        "avoidlist_regex", "avoidlist_factor", "whitelist_regex", "blacklist_regex", "use_regex_lists",
      ],
      "an old key that nohang had for a few weeks before 0.1 or after it: write a rule with a weight"
    ),
  ]
}
