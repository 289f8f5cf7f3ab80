import Policy
import PolicyFile

extension PresetMachineTests {
  private static let sshd = Row("sshd", "/usr/sbin/sshd", in: "/system.slice/ssh.service", 8, .stays)
  private static let leak = Row(
    "leak", "/home/u/bin/leak", in: "/user.slice/user-1000.slice/session-3.scope", uid: 1000, 300, minutes: 3, .normal)

  private static let session = "/user.slice/user-1000.slice/session-3.scope"

  static let machines = [
    Machine(
      preset: .lowMemoryVPS, what: "Debian 12 with a small site, 512 MiB", mebibytes: 512,
      rows: [
        sshd,
        Row(
          "systemd-journal", "/lib/systemd/systemd-journald", in: "/system.slice/systemd-journald.service", 12, .stays),
        Row(
          "packagekitd", "/usr/libexec/packagekitd", in: "/system.slice/packagekit.service", 90, minutes: 5,
          .goes(.first)),
        Row("snapd", "/usr/lib/snapd/snapd", in: "/system.slice/snapd.service", 40, .goes(.first)),
        Row("mandb", "/usr/bin/mandb", in: "/system.slice/man-db.service", uid: 6, 20, minutes: 1, .goes(.first)),
        Row("python3", "/usr/bin/python3.11", in: "/system.slice/site.service", uid: 33, 150, .normal),
        Row("dpkg", "/usr/bin/dpkg", in: "/system.slice/apt-daily-upgrade.service", 30, minutes: 1, .goes(.last)),
      ], victim: "packagekitd"),
    Machine(
      preset: .lowMemoryVPS, what: "with nothing that it can do without", mebibytes: 512,
      rows: [
        sshd,
        Row("netdata", "/usr/sbin/netdata", in: "/system.slice/netdata.service", uid: 110, 100, .normal),
        Row("python3", "/usr/bin/python3.11", in: "/system.slice/site.service", uid: 33, 150, .normal),
      ], victim: "netdata"),
    Machine(
      preset: .database, what: "PostgreSQL 15 on Debian 12, with a pooler and an exporter", mebibytes: 4096,
      rows: [
        sshd,
        Row(
          "postgres", "/usr/lib/postgresql/15/bin/postgres",
          in: "/system.slice/system-postgresql.slice/postgresql@15-main.service", uid: 113, 2500, .stays),
        Row("pgbouncer", "/usr/sbin/pgbouncer", in: "/system.slice/pgbouncer.service", uid: 113, 20, .stays),
        // Started by COPY … PROGRAM.
        Row(
          "sh", "/usr/bin/dash", in: "/system.slice/system-postgresql.slice/postgresql@15-main.service", uid: 113, 15,
          minutes: 1, .normal),
        Row(
          "pg_dump", "/usr/lib/postgresql/15/bin/pg_dump", in: "/system.slice/cron.service", uid: 113, 200, minutes: 4,
          .normal),
        Row(
          "prometheus-post", "/usr/bin/prometheus-postgres-exporter",
          in: "/system.slice/prometheus-postgres-exporter.service", uid: 114, 40, .normal), leak,
      ], victim: "pg_dump"),
    Machine(
      preset: .database, what: "MariaDB and Redis, and a program that stands where a database would", mebibytes: 4096,
      rows: [
        Row("mariadbd", "/usr/sbin/mariadbd", in: "/system.slice/mariadb.service", uid: 105, 2000, .stays),
        Row(
          "redis-server", "/usr/bin/redis-check-rdb", in: "/system.slice/redis-server.service", uid: 106, 500, .stays),
        Row("valkey-server", "/usr/bin/valkey-server", in: "/system.slice/valkey.service", uid: 107, 100, .stays),
        Row(
          "postgres", "/usr/lib/postgresql/15/bin/postgres", in: "/system.slice/docker-9f.scope", uid: 999, 600, .normal
        ),
        Row("mysqld", "/srv/mysql/bin/mysqld", in: "/system.slice/mysql.service", uid: 105, 50, .normal), leak,
      ], victim: "leak"),
    Machine(
      preset: .web, what: "nginx, Apache with PHP, on Debian 12", mebibytes: 2048,
      rows: [
        sshd,
        Row("nginx", "/usr/sbin/nginx", in: "/system.slice/nginx.service", 6, .stays),
        Row("nginx", "/usr/sbin/nginx", in: "/system.slice/nginx.service", uid: 33, 12, .stays),
        Row("apache2", "/usr/sbin/apache2", in: "/system.slice/apache2.service", 30, .stays),
        Row("apache2", "/usr/sbin/apache2", in: "/system.slice/apache2.service", uid: 33, 90, minutes: 40, .normal),
        Row("php-fpm8.2", "/usr/sbin/php-fpm8.2", in: "/system.slice/php8.2-fpm.service", 25, .stays),
        Row(
          "php-fpm8.2", "/usr/sbin/php-fpm8.2", in: "/system.slice/php8.2-fpm.service", uid: 33, 260, minutes: 5,
          .normal),
        Row("caddy", "/usr/bin/caddy", in: "/system.slice/caddy.service", uid: 997, 40, .stays),
        Row("traefik", "/usr/local/bin/traefik", in: "/system.slice/traefik.service", uid: 61_500, 40, .stays),
        Row("lighttpd", "/usr/sbin/lighttpd", in: "/system.slice/lighttpd.service", uid: 33, 15, .goes(.last)),
        // An application in the proxy's unit, in the proxy's executable.
        Row("nginx", "/usr/sbin/nginx", in: "/system.slice/nginx.service", uid: 1001, 50, .normal),
        // Started by a page.
        Row(
          "convert", "/usr/bin/convert-im6.q16", in: "/system.slice/php8.2-fpm.service", uid: 33, 100, minutes: 1,
          .normal),
        Row("node", "/usr/bin/node", in: "/system.slice/shop.service", uid: 1001, 300, minutes: 5, .normal),
      ], victim: "php-fpm8.2"),
    Machine(
      preset: .ciRunner, what: "GitLab's runner with Docker, and an Actions runner", mebibytes: 8192,
      rows: [
        sshd,
        Row("dockerd", "/usr/bin/dockerd", in: "/system.slice/docker.service", 120, .stays),
        Row("gitlab-runner", "/usr/bin/gitlab-runner", in: "/system.slice/gitlab-runner.service", 60, .stays),
        Row(
          "cc1plus", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus", in: "/system.slice/docker-9f.scope", 700, minutes: 1,
          .goes(.first)),
        Row("make", "/usr/bin/make", in: "/system.slice/docker-9f.scope", 15, minutes: 20, .goes(.first)),
        Row("conmon", "/usr/bin/conmon", in: "/machine.slice/libpod-conmon-1e.scope", 2, .stays),
        Row(
          "rustc", "/usr/bin/rustc", in: "/machine.slice/libpod-1e.scope/container", uid: 1000, 400, minutes: 2,
          .goes(.first)),
        Row(
          "Runner.Listener", "/home/runner/actions-runner/bin/Runner.Listener",
          in: "/system.slice/actions.runner.org-repo.host.service", uid: 1002, 90, .normal),
        Row(
          "node", "/home/runner/actions-runner/externals/node20/bin/node",
          in: "/system.slice/actions.runner.org-repo.host.service", uid: 1002, 800, minutes: 6, .normal),
      ], victim: "cc1plus", scope: .cgroup),
    Machine(
      preset: .ciRunner, what: "builds in the runner's own unit", mebibytes: 8192,
      rows: [
        Row("gitlab-runner", "/usr/bin/gitlab-runner", in: "/system.slice/gitlab-runner.service", 60, .stays),
        Row(
          "ld", "/usr/bin/x86_64-linux-gnu-ld.bfd", in: "/system.slice/gitlab-runner.service", uid: 998, 900,
          minutes: 1, .normal),
        // A build started one with its own code in it, and the other runs as the user of its builds.
        Row(
          "gitlab-runner", "/usr/bin/gitlab-runner", in: "/system.slice/gitlab-runner.service", uid: 998, 80, .normal),
        Row(
          "buildkite-agent", "/usr/bin/buildkite-agent", in: "/system.slice/buildkite-agent.service", uid: 996, 60,
          .normal),
        // A build left this one in its place.
        Row(
          "gitlab-runner", "/home/gitlab-runner/bin/gitlab-runner", in: "/system.slice/gitlab-runner.service", uid: 998,
          70, .normal),
        Row(
          "java", "/usr/lib/jvm/java-17-openjdk-amd64/bin/java", in: "/system.slice/jenkins-agent.service", uid: 997,
          1200, .normal),
      ], victim: "ld"),
    Machine(
      preset: .ciRunner, what: "a step that its runner gave up on", mebibytes: 8192,
      rows: [
        Row(
          "Runner.Listener", "/home/runner/actions-runner/bin/Runner.Listener",
          in: "/system.slice/actions.runner.org-repo.host.service", uid: 1002, 90, .normal),
        Row(
          "node", "/usr/bin/node", in: "/system.slice/actions.runner.org-repo.host.service", uid: 1002, 200,
          .goes(.first)
        ).orphaned,
        Row(
          "cc1plus", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus",
          in: "/system.slice/actions.runner.org-repo.host.service", uid: 1002, 900, minutes: 1, .normal),
        // It forked twice to become a daemon.
        Row("zabbix_agentd", "/usr/sbin/zabbix_agentd", in: "/system.slice/zabbix-agent.service", uid: 110, 20, .normal)
          .orphaned,
      ], victim: "node"),
    Machine(
      preset: .agentHost, what: "a coding agent in tmux, with a database beside it", mebibytes: 16_384,
      rows: [
        sshd, Row("tmux: server", "/usr/bin/tmux", in: session, uid: 1000, 60, .normal),
        Row("claude", "/home/u/.local/share/claude/versions/2", in: session, uid: 1000, 900, minutes: 300, .normal)
          .below("tmux: server", "/usr/bin/tmux", in: session, uid: 1000),
        Row("pytest", "/usr/bin/python3.12", in: session, uid: 1000, 700, minutes: 300, .normal)
          .below("claude", "/home/u/.local/share/claude/versions/2", in: session, uid: 1000),
        Row(
          "postgres", "/usr/lib/postgresql/16/bin/postgres", in: "/system.slice/postgresql.service", uid: 113, 900,
          minutes: 300, .normal),
      ], victim: "pytest"),
    Machine(
      preset: .agentHost, what: "an agent's orphans go before its tasks", mebibytes: 16_384,
      rows: [
        Row("codex", "/usr/bin/codex", in: session, uid: 1000, 200, .normal),
        Row("node", "/usr/bin/node", in: session, uid: 1000, 90, .goes(.first)).orphaned,
        Row("rustc", "/usr/bin/rustc", in: session, uid: 1000, 2000, minutes: 1, .normal)
          .below("codex", "/usr/bin/codex", in: session, uid: 1000),
      ], victim: "node"),
    Machine(
      preset: .agentHost, what: "agents of Azure and of AWS", mebibytes: 8192,
      rows: [
        Row("amazon-ssm-agen", "/usr/bin/amazon-ssm-agent", in: "/system.slice/amazon-ssm-agent.service", 40, .stays),
        Row("ssm-session-wor", "/usr/bin/ssm-session-worker", in: "/system.slice/amazon-ssm-agent.service", 20, .stays),
        Row(
          "bash", "/usr/bin/bash", in: "/system.slice/amazon-ssm-agent.service", uid: 1001, 15, .normal),
        Row(
          "Agent.Listener", "/home/azp/agent/bin/Agent.Listener", in: "/system.slice/vsts.agent.org.pool.host.service",
          uid: 1002, 150, .normal),
        Row(
          "dotnet", "/usr/share/dotnet/dotnet", in: "/system.slice/vsts.agent.org.pool.host.service", uid: 1002, 600,
          minutes: 5, .normal
        ).below(
          "Agent.Worker", "/home/azp/agent/bin/Agent.Worker", in: "/system.slice/vsts.agent.org.pool.host.service",
          uid: 1002),
        Row("gitlab-runner", "/usr/bin/gitlab-runner", in: "/system.slice/gitlab-runner.service", 60, .stays),
      ], victim: "dotnet"),
    Machine(
      preset: .container, what: "s6-overlay with a service that leaks", mebibytes: 1024,
      rows: [
        Row("s6-supervise", "/package/admin/s6-2.12.0.3/command/s6-supervise", in: "/", 1, .stays),
        Row("tini", "/usr/bin/tini", in: "/", uid: 1000, 1, .stays),
        Row("sshd", "/usr/sbin/sshd", in: "/", 8, .stays),
        Row("gunicorn", "/usr/local/bin/python3.12", in: "/", uid: 1000, 200, minutes: 30, .normal),
        Row("gunicorn", "/usr/local/bin/python3.12", in: "/", uid: 1000, 500, minutes: 30, .normal),
        Row("tini", "/home/app/tini", in: "/", uid: 1000, 20, .normal),
        // It has another user's code in it: no supervisor is so large.
        Row("dumb-init", "/usr/bin/dumb-init", in: "/", uid: 1000, 120, .normal),
        Row("runsv", "/usr/bin/runsv", in: "/", uid: 1000, 40, .normal),
      ], victim: "gunicorn"),
    Machine(
      preset: .kubernetesNode, what: "kubeadm with containerd, systemd's cgroups", mebibytes: 16384,
      rows: [
        sshd,
        Row("kubelet", "/usr/bin/kubelet", in: "/system.slice/kubelet.service", 120, adjustment: -999, .stays),
        Row("containerd", "/usr/bin/containerd", in: "/system.slice/containerd.service", 90, adjustment: -999, .stays),
        Row(
          "containerd-shim", "/usr/bin/containerd-shim-runc-v2", in: "/system.slice/containerd.service", 12,
          adjustment: -998, .stays),
        Row(
          "etcd", "/usr/local/bin/etcd",
          in: "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-a.scope", 1500,
          adjustment: -997, .normal),
        Row(
          "java", "/opt/java/bin/java",
          in: "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod2.slice/cri-containerd-b.scope",
          uid: 1000,
          3000, adjustment: 900, .normal),
        Row(
          "worker", "/app/worker",
          in: "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod3.slice/cri-containerd-c.scope",
          uid: 1000, 400, adjustment: 1000, .goes(.first)),
        // Root of a pod, with the name and the path of a protected program.
        Row(
          "kubelet", "/usr/bin/kubelet",
          in: "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod4.slice/cri-containerd-d.scope", 200,
          .normal),
      ], victim: "worker", scope: .cgroup),
    Machine(
      preset: .kubernetesNode, what: "k3s, nothing of best effort", mebibytes: 4096,
      rows: [
        Row("k3s-server", "/var/lib/rancher/k3s/data/0a1b/bin/k3s", in: "/system.slice/k3s.service", 500, .stays),
        Row(
          "containerd-shim", "/var/lib/rancher/k3s/data/0a1b/bin/containerd-shim-runc-v2",
          in: "/system.slice/k3s.service",
          10, .stays),
        Row("coredns", "/coredns", in: "/kubepods/burstable/pod5/a", uid: 65_532, 60, adjustment: -997, .normal),
        Row("java", "/opt/java/bin/java", in: "/kubepods/burstable/pod6/b", uid: 1000, 700, adjustment: 800, .normal),
      ], victim: "java", scope: .cgroup),
    Machine(
      preset: .desktop, what: "GNOME on Wayland, Fedora 41, with both browsers", mebibytes: 8192,
      rows: [
        Row(
          "systemd", "/usr/lib/systemd/systemd", in: "/user.slice/user-1000.slice/user@1000.service/init.scope",
          uid: 1000, 10, .stays),
        Row(
          "dbus-broker", "/usr/bin/dbus-broker",
          in: "/user.slice/user-1000.slice/user@1000.service/session.slice/dbus-broker.service", uid: 1000, 3, .stays),
        Row(
          "gnome-shell", "/usr/bin/gnome-shell",
          in: "/user.slice/user-1000.slice/user@1000.service/session.slice/org.gnome.Shell@wayland.service", uid: 1000,
          400, adjustment: 200, .stays),
        Row(
          "Xwayland", "/usr/bin/Xwayland",
          in: "/user.slice/user-1000.slice/user@1000.service/session.slice/org.gnome.Shell@wayland.service", uid: 1000,
          80, .stays),
        Row(
          "pipewire", "/usr/bin/pipewire",
          in: "/user.slice/user-1000.slice/user@1000.service/session.slice/pipewire.service", uid: 1000, 12, .stays),
        Row(
          "gdm-session-wor", "/usr/libexec/gdm-session-worker", in: "/user.slice/user-1000.slice/session-2.scope", 8,
          .stays),
        Row(
          "firefox", "/usr/lib64/firefox/firefox",
          in: "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-1.scope", uid: 1000,
          cmdline: "/usr/lib64/firefox/firefox", 900, .normal),
        Row(
          "Isolated Web Co", "/usr/lib64/firefox/firefox",
          in: "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-1.scope", uid: 1000,
          cmdline: "/usr/lib64/firefox/firefox -contentproc -childID 7 -isForBrowser -prefsLen 31 tab", 350,
          minutes: 20, .goes(.first)),
        Row(
          "chrome", "/opt/google/chrome/chrome",
          in: "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-chrome-2.scope",
          uid: 1000, cmdline: "/opt/google/chrome/chrome --type=renderer --lang=en", 250, minutes: 20, adjustment: 300,
          .goes(.first)),
        // It has a single window.
        Row(
          "code", "/usr/share/code/code",
          in: "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-code-3.scope",
          uid: 1000, cmdline: "/usr/share/code/code --type=renderer", 600, .normal),
        Row(
          "soffice.bin", "/usr/lib64/libreoffice/program/soffice.bin",
          in: "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-writer-4.scope", uid: 1000, 700,
          .normal),
      ], victim: "Isolated Web Co"),
    Machine(
      preset: .desktop, what: "X11 with i3 from a display manager, and a leak", mebibytes: 4096,
      rows: [
        Row("Xorg", "/usr/lib/xorg/Xorg", in: "/system.slice/lightdm.service", 150, .stays),
        Row("lightdm", "/usr/sbin/lightdm", in: "/system.slice/lightdm.service", 8, .stays),
        Row("i3", "/usr/bin/i3", in: "/user.slice/user-1000.slice/session-c1.scope", uid: 1000, 20, .stays),
        Row("i3lock", "/usr/bin/i3lock", in: "/user.slice/user-1000.slice/session-c1.scope", uid: 1000, 30, .stays),
        Row(
          "pulseaudio", "/usr/bin/pulseaudio", in: "/user.slice/user-1000.slice/session-c1.scope", uid: 1000, 15, .stays
        ),
        Row("Xorg", "/home/u/Xorg", in: "/user.slice/user-1000.slice/session-c1.scope", uid: 1000, 150, .normal),
        // Of a kiosk, in a unit of its own; and one that a job of cron started.
        Row("weston", "/usr/bin/weston", in: "/system.slice/kiosk.service", uid: 1001, 90, .stays),
        Row("weston", "/usr/bin/weston", in: "/system.slice/cron.service", uid: 1001, 90, .normal),
        Row("pulseaudio", "/usr/bin/pulseaudio", in: "/system.slice/atd.service", uid: 1001, 30, .normal),
        Row(
          "gimp-2.10", "/usr/bin/gimp-2.10", in: "/user.slice/user-1000.slice/session-c1.scope", uid: 1000, 400,
          minutes: 3, .normal),
        leak,
      ], victim: "leak"),
  ]
}
