/** Every word the tier classifier knows, by signal (Permission tiers). What is not here is unknown, and unknown is never the
 *  lowest tier. Words are in lower case, and match whole segments or whole words only. */
import type { Reversibility } from '../proposal.ts';

/** What an action may do at most, lowest first. */
export const tiers = ['read_only', 'sandbox_edit', 'full_access'] as const;
export type Tier = (typeof tiers)[number];

export interface Meaning {
  readonly tier: Tier;
  readonly reversibility: Reversibility;
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);
const means = (tier: Tier, reversibility: Reversibility, text: string): readonly [string, Meaning][] =>
  words(text).map((word) => [word, { tier, reversibility }]);

/** Segments of a tool name, wherever they stand. */
export const toolWords: ReadonlyMap<string, Meaning> = new Map([
  ...means(
    'read_only',
    'reversible',
    `read get list ls find search grep lookup look view show describe count calculate compute stat head tail cat parse
     validate check verify analyze analyse summarize summarise convert compare diff format echo inspect explain measure
     preview render translate tokenize estimate extract fetch load peek poll status info help filter sort glob
     scan detect classify embed`,
  ),
  ...means('sandbox_edit', 'reversible', 'download browse navigate crawl scrape http request'),
  ...means(
    'sandbox_edit',
    'compensable',
    `write edit create update insert set save append put upsert add rename move copy patch mkdir touch store record
     modify replace import index tag label enable disable start stop pause resume schedule assign mark archive merge
     commit build compile`,
  ),
  ...means('sandbox_edit', 'irreversible', 'delete remove rm unlink erase clear purge drop truncate discard overwrite'),
  ...means('full_access', 'compensable', 'deploy rollout undeploy provision'),
  ...means(
    'full_access',
    'irreversible',
    'send sendmail sendemail resend publish unpublish broadcast destroy wipe shutdown reboot sudo chown chmod exfiltrate',
  ),
]);

/** Verbs where a name, or a part of it after `.`, `/` or `:`, begins with them; nouns elsewhere (`read_email`). */
export const leadingWords: ReadonlyMap<string, Meaning> = new Map(
  means(
    'full_access',
    'irreversible',
    'email mail sms tweet post dm charge pay buy purchase transfer refund withdraw invite release',
  ),
);

/** Words that may follow a leading one and make it mean something else. */
export const harmlessAfterLeading: ReadonlyMap<string, readonly string[]> = new Map([
  ['email', words('template templates address addresses body subject validator')],
  ['post', words('process processing processor mortem')],
  ['release', words('lock lease handle notes note')],
  ['transfer', words('learning function')],
]);

/** Names that are exactly one word. */
export const wholeNames: ReadonlyMap<string, Meaning> = new Map(means('full_access', 'irreversible', 'format eval'));

/** Neighbouring segments of a tool name; each list of the pair is a choice. */
export const toolPairs: readonly (readonly [readonly string[], readonly string[], Meaning])[] = [
  [words('format wipe erase'), words('disk drive volume partition device'), full('irreversible')],
  [words('drop delete truncate destroy'), words('table tables database databases db schema'), full('irreversible')],
  [
    words('delete remove close'),
    words('account accounts repo repository bucket cluster namespace tenant'),
    full('irreversible'),
  ],
  [words('git'), words('reset push'), full('irreversible')],
  [words('force hard'), words('push reset'), full('irreversible')],
  [words('reset'), words('hard'), full('irreversible')],
  [words('terraform pulumi kubectl helm'), words('apply destroy delete up install upgrade'), full('irreversible')],
  [
    words('grant revoke change'),
    words('access role roles permission permissions privilege privileges'),
    full('compensable'),
  ],
  [
    words('make create process submit execute place'),
    words('payment payments payout transfer charge order purchase refund trade'),
    full('irreversible'),
  ],
  [words('merge'), words('pr pull'), full('irreversible')],
];

/** A name that begins with a reader and ends in one of these tells about a deed and does not do it. */
export const reportNouns: ReadonlySet<string> = new Set(
  words('status statuses log logs history time date count rate metrics report stats schema queue limits'),
);

/** Names whose text parameters are command lines, however the parameters are called. */
export const shellWords: ReadonlySet<string> = new Set(
  words('shell bash zsh sh terminal powershell pwsh cmd subprocess exec'),
);
/** What such a word runs when one of these follows is no command line. */
export const noCommandLine: ReadonlySet<string> = new Set(words('query queries sql statement plan summary history'));
export const shellPairs: readonly (readonly [readonly string[], readonly string[]])[] = [
  [words('run execute start spawn launch'), words('command commands script process program shell')],
];

/** Nouns for what nobody else may know. A list is a run of segments. */
export const secretNouns: readonly (readonly string[])[] = [
  ...words(
    'secret secrets password passwords passwd passphrase credential credentials apikey apikeys keychain vault',
  ).map((word) => [word]),
  ...['api', 'private', 'access', 'signing', 'encryption', 'ssh', 'master'].flatMap((kind) => [
    [kind, 'key'],
    [kind, 'keys'],
  ]),
  ...['access', 'auth', 'api', 'bearer', 'refresh', 'session', 'bot'].flatMap((kind) => [
    [kind, 'token'],
    [kind, 'tokens'],
  ]),
];

/** A secret noun before one of these is about secrets, and is none. */
export const aboutSecrets: ReadonlySet<string> = new Set(
  words(
    'policy policies doc docs documentation strength length rule rules guide guidelines hint schema help format count limit usage requirements expiry',
  ),
);

/** Parameter keys that hold a secret: whole keys, or the last segments of one. */
export const secretKeys: readonly (readonly string[])[] = [
  ...words(
    'password passwd pwd passphrase secret secrets credential credentials apikey token bearer authorization',
  ).map((word) => [word]),
  ...['api', 'private', 'access', 'secret', 'signing', 'encryption', 'ssh', 'master'].flatMap((kind) => [
    [kind, 'key'],
    [kind, 'keys'],
  ]),
  ['access', 'tokens'],
  ['api', 'tokens'],
];

/** What a key that ends in `token` may begin with and hold no secret. */
export const harmlessTokens: ReadonlySet<string> = new Set(
  words(
    'page next previous prev continuation cursor sync stop pad eos bos unk start end mask sep cancel cancellation max min first last',
  ),
);

/** Keys whose text is a command line, or part of one. */
export const commandKeys: ReadonlySet<string> = new Set(words('command commands cmd cmdline commandline shellcommand'));
export const argumentKeys: ReadonlySet<string> = new Set(words('args argv arguments flags options'));
/** Keys of a shell tool that hold no command. */
export const proseKeys: ReadonlySet<string> = new Set(
  words(
    'description explanation reason purpose title name cwd workdir workingdir workingdirectory directory session sessionid id encoding',
  ),
);

/** Keys whose text is a path of the target. */
export const pathKeys: ReadonlySet<string> = new Set(
  words(
    'path paths file files filename filepath filepaths target targets dest destination source src dir directory folder root cwd workdir workingdir workingdirectory from to glob pattern include output input',
  ),
);

/** Names of one step of a path; a leading `.` belongs to the name. */
export const secretFolders: ReadonlySet<string> = new Set(
  words('.ssh .gnupg .aws .azure .gcloud .kube .password-store'),
);
/** Runs of steps. */
export const secretSteps: readonly (readonly string[])[] = [
  ['.config', 'gcloud'],
  ['.config', 'gh'],
  ['.docker', 'config.json'],
  ['etc', 'shadow'],
  ['etc', 'sudoers'],
  ['library', 'keychains'],
];
export const secretFiles: ReadonlySet<string> = new Set(
  words(
    'id_rsa id_dsa id_ecdsa id_ed25519 .netrc _netrc .npmrc .pypirc .pgpass .git-credentials .htpasswd shadow.bak authorized_keys',
  ),
);
export const secretEndings: readonly string[] = words('.pem .p12 .pfx .ppk .kdbx .keystore .jks');
/** An environment file of the sandbox: more than reading, and no way out of it. */
export const guardedFile = /^\.env(?:\.(?!example$|sample$|template$|dist$)[a-z0-9_-]{1,40})?$/;

/** Phrases found anywhere in text: lower case, one space between words. */
export const phrases: readonly string[] = [
  'drop table',
  'drop database',
  'drop schema',
  'truncate table',
  'delete from',
  'git reset',
  'git push --force',
  'git push -f',
  'git clean -f',
  'mkfs.',
  'dd if=',
  'chmod 777',
  'chmod -r 777',
  '/dev/tcp/',
  '--no-preserve-root',
];

// Programs of a command line.

export type Program =
  /** Cannot write, run or connect under any flag, or with none that `risky` finds. */
  | { readonly kind: 'known'; readonly tier: Tier; readonly risky?: RegExp }
  /** Runs the program named by its arguments. */
  | { readonly kind: 'wrapper' }
  /** Reads commands. */
  | { readonly kind: 'shell' }
  /** Reads code that nobody here reads. `risky` finds the flags that put it on the command line. */
  | { readonly kind: 'interpreter'; readonly risky: RegExp }
  /** The first argument that is no option says what it does. */
  | {
      readonly kind: 'subcommands';
      readonly known: ReadonlyMap<string, Tier>;
      readonly otherwise: Tier;
      readonly risky?: RegExp;
    };

const known = (tier: Tier, text: string, risky?: RegExp): readonly [string, Program][] =>
  words(text).map((name) => [name, { kind: 'known', tier, ...(risky && { risky }) }]);

const subcommands = (
  name: string,
  lists: Partial<Record<Tier, string>>,
  otherwise: Tier,
  risky?: RegExp,
): readonly [string, Program] => [
  name,
  {
    kind: 'subcommands',
    known: new Map(tiers.flatMap((tier) => words(lists[tier] ?? '').map((word) => [word, tier] as const))),
    otherwise,
    ...(risky && { risky }),
  },
];

/** `risky` is tried on each argument by itself. */
export const programs: ReadonlyMap<string, Program> = new Map<string, Program>([
  ...known(
    'read_only',
    `ls dir cat head tail wc pwd cd echo printf true false test [ basename dirname realpath readlink stat du df uname whoami id
     cal date seq sleep tr cut paste nl fold comm cmp diff md5sum sha1sum sha256sum sha512sum cksum which type uptime grep egrep
     fgrep jq column od hexdump strings base64 expr : exit`,
  ),
  ...known('read_only', 'rg', /^--(?:pre|hostname-bin)\b/),
  ...known(
    'sandbox_edit',
    'awk gawk mawk nawk',
    /system\s*\(|\||getline|>|@load|^-f|^-l|^-e|^--(?:file|source|load|include|exec)/,
  ),
  ...known('sandbox_edit', 'sed gsed', /^-[a-z]*f|^--file|(?:^|[;{}\n\d$/!,])\s*e\b|\/[a-z\d]*e[a-z\d]*$/i),
  ...known(
    'sandbox_edit',
    'tar',
    /^--(?:to-command|checkpoint-action|use-compress-program|rsh-command|info-script|new-volume-script)|^-[a-z]*[if]\b.*:|^-I/i,
  ),
  ...known('sandbox_edit', 'sort', /^--compress-program/),
  ...known(
    'sandbox_edit',
    `mkdir touch cp mv rm rmdir ln tee uniq file tree xxd split gzip gunzip zip unzip bzip2 xz zstd env-print printenv export
     unset set alias cmake ninja tsc eslint prettier ruff black isort mypy pytest jest vitest rustc gcc g++ clang javac
     gofmt rustfmt oxlint oxfmt patch install truncate less more chmod kill ps top`,
  ),
  ...known('sandbox_edit', 'make gmake', /^--eval/),
  ...known(
    'full_access',
    `curl wget aria2c httpie http https nc ncat netcat socat telnet ssh scp sftp rsync ftp tftp aws gcloud gsutil az bq doctl
     heroku vercel netlify flyctl fly wrangler firebase eb sam cdk serverless ansible ansible-playbook vault op bw gpg
     sudo su doas pkexec runas dd mkfs fdisk parted mount umount shutdown reboot halt poweroff systemctl service launchctl
     crontab at batch iptables nft ufw useradd userdel usermod passwd chpasswd visudo chown chroot nsenter unshare insmod
     modprobe eval mail mailx sendmail mutt security osascript certutil bitsadmin msiexec reg regsvr32 rundll32 mshta
     wmic schtasks netsh diskpart format npx bunx pnpx uvx pipx screen tmux killall pkill lynx w3m twine`,
  ),
  ...words(
    'env nice ionice nohup time timeout stdbuf setsid command builtin exec xargs busybox toybox watch strace ltrace unbuffer parallel script flock chrt taskset coproc rtk winpty',
  ).map((name): [string, Program] => [name, { kind: 'wrapper' }]),
  ...words('sh bash zsh dash ksh mksh ash fish tcsh csh rbash cmd powershell pwsh source .').map(
    (name): [string, Program] => [name, { kind: 'shell' }],
  ),
  ...words('python pypy node nodejs perl ruby php lua luajit rscript julia groovy tclsh expect deno bun tsx').map(
    (name): [string, Program] => [
      name,
      {
        kind: 'interpreter',
        risky: /^-[a-z]*[cer]|^-$|^-p|^--(?:eval|print|require|import|run|check-eval)|^eval$|^(?:https?|data):/i,
      },
    ],
  ),
  subcommands(
    'git',
    {
      read_only: 'status log diff show blame ls-files ls-tree rev-parse rev-list describe shortlog cat-file grep',
      full_access: 'push reset clean filter-branch send-email daemon credential config submodule bisect',
    },
    'sandbox_edit',
    /^-c|^--(?:config-env|exec-path|upload-pack|receive-pack|exec|output|ext-diff|textconv|open-files-in-pager)|^-O|ext::/,
  ),
  subcommands(
    'terraform',
    {
      read_only: 'version providers',
      full_access: 'apply destroy import taint untaint state force-unlock console login',
    },
    'sandbox_edit',
  ),
  subcommands('tofu', { full_access: 'apply destroy import taint untaint state console login' }, 'sandbox_edit'),
  subcommands('pulumi', { sandbox_edit: 'preview version about' }, 'full_access'),
  subcommands('kubectl', { sandbox_edit: 'get describe logs version explain api-resources top' }, 'full_access'),
  subcommands('helm', { sandbox_edit: 'list status template lint version show' }, 'full_access'),
  ...['docker', 'podman', 'nerdctl'].map((name) =>
    subcommands(name, { sandbox_edit: 'ps images logs inspect version info build' }, 'full_access'),
  ),
  subcommands('gh', { sandbox_edit: 'status version help' }, 'full_access'),
  ...['npm', 'pnpm', 'yarn'].map((name) =>
    subcommands(
      name,
      {
        read_only: 'ls list',
        full_access:
          'publish unpublish install i ci add exec x dlx create init login logout adduser token owner access deprecate dist-tag config link audit update upgrade',
      },
      'sandbox_edit',
      /^--(?:script-shell|node-options|registry|prefix)/,
    ),
  ),
  subcommands('cargo', { full_access: 'publish install login yank owner' }, 'sandbox_edit', /^--config/),
  subcommands('go', { full_access: 'install get generate run' }, 'sandbox_edit', /^-(?:exec|toolexec|vettool|overlay)/),
  ...[
    'pip',
    'pipenv',
    'poetry',
    'uv',
    'conda',
    'gem',
    'brew',
    'apt',
    'apt-get',
    'dnf',
    'yum',
    'apk',
    'pacman',
    'snap',
    'choco',
  ].map((name) => subcommands(name, { sandbox_edit: 'list show check freeze search info version' }, 'full_access')),
  [
    'find',
    { kind: 'known', tier: 'sandbox_edit', risky: /^-(?:exec|execdir|ok|okdir|delete|fprint|fprint0|fprintf|fls)$/i },
  ],
  ['fd', { kind: 'known', tier: 'sandbox_edit', risky: /^-[a-z]*x$|^--exec/i }],
]);

/** Assignments before a program that decide what code it runs. */
export const dangerousVariables =
  /^(?:PATH|LD_[A-Z_]+|DYLD_[A-Z_]+|BASH_ENV|ENV|IFS|PROMPT_COMMAND|PS4|SHELLOPTS|NODE_OPTIONS|PYTHON(?:STARTUP|PATH|HOME)|PERL5(?:OPT|LIB|DB)|RUBY(?:OPT|LIB)|JAVA_TOOL_OPTIONS|GIT_[A-Z_]+|EDITOR|VISUAL|PAGER|MANPAGER|LESSOPEN|BROWSER)\+?=/;

/** Words of the shell's grammar that a program may follow. */
export const shellKeywords: ReadonlySet<string> = new Set(
  words('! { } if then else elif fi while until do done for case esac in function select [[ ]]'),
);

function full(reversibility: Reversibility): Meaning {
  return { tier: 'full_access', reversibility };
}
