/** Covered in every sandbox when the host has them: deputies that would act outside the sandbox for the account. */
export const OPTIONAL_MASKS = [
  '/run/user',
  '/run/docker.sock',
  '/run/containerd',
  '/run/podman',
  '/var/spool/cron',
  '/var/spool/at',
  '/sys/fs/cgroup',
] as const
